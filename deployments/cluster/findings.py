"""What a check says: which rule, of which object, where in it, what is wrong and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One thing that is wrong in one object. `path` is the place in it, as `spec.template.spec.containers[0].image`."""

    object: str
    path: str
    rule: str
    message: str
    advice: str

    def document(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)
