"""The copy of one record that an inspector takes home: PDF, JSON and proofs in one file (21 CFR 11.10(b))."""
