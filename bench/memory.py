"""Memory of the largest process of a program, with its share of shared pages."""

import psutil

from bench.stack import BenchStack

MIB = 1 << 20


def largest_process(stack: BenchStack, program: str) -> float:
    """MiB of the program's largest process: PSS, or RSS where there is no PSS."""
    [pid, *_] = stack.addresses["processes"][program]
    parent = psutil.Process(pid)
    return max(_bytes(each) for each in (parent, *parent.children())) / MIB


def _bytes(process: psutil.Process) -> int:
    memory = process.memory_full_info()
    return int(getattr(memory, "pss", memory.rss))
