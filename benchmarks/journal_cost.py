"""What the audit trail costs a write: nothing, simple-history, the journal, and both, interleaved in one run.

    .venv/bin/python benchmarks/journal_cost.py [--rounds 200]

Requests go through Django's test client (no socket), so the share of the trail is a little larger than over the wire.
"""

import argparse
import json
from typing import Any

from _plant import Plant, machine, plant, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200, help="requests of each kind")
    rounds = parser.parse_args().rounds
    print(f"{machine()}; {rounds} requests of each kind")
    with plant() as bench:
        show(measured(bench, rounds))


def measured(bench: Plant, rounds: int) -> dict[str, Any]:
    targets = bench.fill(orders=0)
    given = bench.state.path / "journal_cost.json"
    given.write_text(json.dumps(targets | {"admin": bench.admin}))
    return json.loads(bench.run("benchmarks/_journal_cost.py", str(given), str(rounds)))


def show(found: dict[str, Any]) -> None:
    requests = []
    for name, by_trail in found["requests"].items():
        without = by_trail["none"]
        requests += [
            [name, trail, ms["median"], ms["trimmed"], f"{(ms['trimmed'] / without['trimmed'] - 1) * 100:+.1f} %"]
            for trail, ms in by_trail.items()
        ]
    table(
        "A request, ms (budget for the journal: +5 %)", ["request", "trail", "median", "trimmed mean", "more"], requests
    )
    bulk = [
        [name, trail, ms, f"{ms / by_trail['none']:.1f} x"]
        for name, by_trail in found["bulk"].items()
        for trail, ms in by_trail.items()
    ]
    table("10,000 rows in one statement, ms (budget: 1000)", ["statement", "trail", "median", "ratio"], bulk)


if __name__ == "__main__":
    main()
