"""How much memory this process uses."""

from pathlib import Path

try:
    from resource import RUSAGE_SELF, getpagesize, getrusage
except ImportError:  # Windows

    def resident_mb() -> float:
        return 0.0

else:
    _STATM = Path("/proc/self/statm")
    _PAGE_MB = getpagesize() / 2**20

    def resident_mb() -> float:
        """MiB; where the system tells only the peak, that, and 0 where it tells nothing."""
        try:
            return int(_STATM.read_text().split()[1]) * _PAGE_MB
        except (OSError, ValueError, IndexError):
            return getrusage(RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS
