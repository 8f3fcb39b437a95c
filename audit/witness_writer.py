"""A program of its own: append what comes on standard input to the file named, and see it on its medium.

Started by `audit/witness.py`, without Django: a share that is gone holds whoever writes to it, and a process can be
left behind where a thread could not.
"""

import os
import sys


def main(path: str) -> int:
    try:
        with open(path, "ab") as witness:
            witness.write(sys.stdin.buffer.read())
            witness.flush()
            os.fsync(witness.fileno())
    except OSError as error:
        sys.stderr.write(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
