"""Run the simulated company's server alone: `python -m fourkeys.sandbox --port 8080`."""

from __future__ import annotations

import argparse
import sys
import threading

from fourkeys.sandbox.company import Company
from fourkeys.sandbox.server import GhesDoor, Servers

_SIZES = ("issues", "pulls", "comments", "commits", "events", "releases", "labels")


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; the address is the only line on stdout."""
    parser = argparse.ArgumentParser(prog="python -m fourkeys.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 is any free one")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that each answer takes")
    parser.add_argument("--seed", type=int, default=4, help="another seed is another company")
    parser.add_argument("--token", help="the token that requests must carry; none: all are welcome")
    parser.add_argument("--benchmark", action="store_true", help="one large plain repository, acme/widgets, instead")
    for size in _SIZES:
        parser.add_argument(f"--{size}", type=int, help=f"{size} of the benchmark repository")
    asked = parser.parse_args(arguments)
    sizes = {size: getattr(asked, size) for size in _SIZES if getattr(asked, size) is not None}
    company = Company.benchmark(**sizes) if asked.benchmark or sizes else Company.simulate(asked.seed)
    servers = Servers()
    try:
        address = servers.serve(
            lambda base: GhesDoor(company, base, asked.token, asked.latency).application(), asked.port
        )
        sys.stdout.write(f"{address}/api/v3\n")
        sys.stdout.flush()
        threading.Event().wait()
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        parser.error(f"port {asked.port}: {error.strerror}; choose another one with --port")
    finally:
        servers.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
