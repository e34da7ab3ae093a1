# SPDX-License-Identifier: Apache-2.0
"""checks.py TOOLS BIN: runs each check of the modules beside it, and closes with "N passed, M failed"."""
import sys

import agent
import existing
import objects
import rendered
import values

CHECKS = [*values.CHECKS, *objects.CHECKS, *agent.CHECKS, *existing.CHECKS]


def main():
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            check()
            print(f"ok      {name}")
        except rendered.Failed as why:
            failed += 1
            print(f"FAILED  {name}: {why}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
