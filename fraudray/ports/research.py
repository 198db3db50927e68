"""What an investigation may ask further. Nothing here changes any state."""

from __future__ import annotations

from typing import Protocol

from fraudray.domain.research import (
    CustomerDevices,
    CustomerHistory,
    MerchantHistory,
    SharedWith,
    SimilarCases,
    Subject,
)


class Research(Protocol):
    """Looks into the past, at most `DAYS_MAX` days and `ROWS_MAX` rows. May be called from any thread.

    Every method raises StoreFailed, and InvalidTransaction for a text that no database row can have. Who or what was
    never seen is no error: the answer is empty.
    """

    def customer_history(
        self, customer_id: str, *, days: int, limit: int, besides: str | None = None
    ) -> CustomerHistory:
        """A customer's decided transactions but for `besides`, a transaction id."""
        ...

    def customer_devices(self, customer_id: str, *, limit: int) -> CustomerDevices:
        """The devices that a customer registered or was seen with."""
        ...

    def customers_of_device(self, device_id: str, *, days: int, limit: int, besides: str | None = None) -> SharedWith:
        """With which customers but `besides`, a customer id, a device was seen, or to whom it is registered."""
        ...

    def customers_of_address(self, address: str, *, days: int, limit: int, besides: str | None = None) -> SharedWith:
        """The same of an IP address, in its normal form."""
        ...

    def merchant_history(self, merchant: str, *, days: int) -> MerchantHistory:
        """What became of the transactions with a merchant."""
        ...

    def similar_cases(self, subject: Subject, *, days: int, limit: int) -> SimilarCases:
        """Past cases with the same reasons, device, merchant or place, but for the subject's own."""
        ...

    def subject(self, transaction_id: str) -> Subject:
        """What the record knows of a decided transaction, by its current revision. Raises NotFound."""
        ...
