"""A simulated company behind real HTTP servers on loopback: what `fourkeys demo`, tests and benchmarks run against."""

from fourkeys.sandbox.running import Sandbox

__all__ = ["Sandbox"]
