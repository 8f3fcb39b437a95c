"""The box assembly run of the NIST SMS Test Bed, February 2017 (docs/nist-data.md)."""
