"""One line of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measurement beside its reference.

    `value` and `reference` are in `unit`; without a reference the value itself is held against
    the target. `at_most` says on which side of `target` the ratio (or value) is good.
    `note` says what dominates, or how it was measured.
    """

    name: str
    value: float
    unit: str
    reference: float | None = None
    target: float
    at_most: bool
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return value / reference, or None without a reference."""
        return self.value / self.reference if self.reference else None

    @property
    def is_good(self) -> bool:
        """Say whether the target is met."""
        measured = self.value if self.ratio is None else self.ratio
        return measured <= self.target if self.at_most else measured >= self.target

    def cells(self) -> tuple[str, ...]:
        """Return the row as text: name, value, reference, ratio, target, verdict."""
        sign = "≤" if self.at_most else "≥"
        return (
            self.name,
            f"{self.value:.4g} {self.unit}",
            "-" if self.reference is None else f"{self.reference:.4g} {self.unit}",
            "-" if self.ratio is None else f"{self.ratio:.2f}",
            f"{sign} {self.target:g}",
            "ok" if self.is_good else "MISSED",
        )
