"""What is put into every export so that it can be checked without Genba."""

from pathlib import Path

VERIFIER = Path(__file__).with_name("genba_verify.py")
