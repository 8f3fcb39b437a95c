"""What people have to sign, have signed, and sign together: pages over the records of every app."""
