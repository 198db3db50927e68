"""Who uses what: tools of identity-verifier about a customer's devices, and others on a device or address."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fraudray.domain.research import CustomerDevices, SharedWith
from fraudray.domain.text import Identifier
from fraudray.domain.transaction import IpAddress
from fraudray.tools.parameters import CustomerId, Days, Limit, OptionalId
from fraudray.tools.provider import AppProvider
from fraudray.tools.server import READS, ToolServer

_LeaveOut = Annotated[OptionalId, Field(description="A customer who is left out: the one that you look into.")]


def add_sharing_tools(server: ToolServer, provider: AppProvider) -> None:
    """Give `server` the tools customer_devices, customers_of_device and customers_of_address."""

    @server.tool(title="Customer devices", annotations=READS)
    def customer_devices(customer_id: CustomerId, limit: Limit = 10) -> CustomerDevices:
        """List the devices that a customer registered, used or only tried with, last seen first.

        Each says whether it is registered, since when and until when it was seen, how many of its uses were trusted,
        and with how many other customers it was seen. Changes nothing.
        """
        with provider.research() as research:
            return research.customer_devices(customer_id, limit=limit)

    @server.tool(title="Customers of a device", annotations=READS)
    def customers_of_device(
        device_id: Annotated[Identifier, Field(description="The device's id or fingerprint, for example dev-abc123.")],
        days: Days = 90,
        limit: Limit = 10,
        leave_out_customer_id: _LeaveOut = None,
    ) -> SharedWith:
        """List the customers with whom a device was seen, blocked or not, or to whom it is registered.

        Of each there are ids, times, the last decision and how cases ended, and nothing personal. Changes nothing.
        """
        with provider.research() as research:
            return research.customers_of_device(device_id, days=days, limit=limit, besides=leave_out_customer_id)

    @server.tool(title="Customers of an address", annotations=READS)
    def customers_of_address(
        ip_address: Annotated[IpAddress, Field(description="IPv4 or IPv6 address.")],
        days: Days = 90,
        limit: Limit = 10,
        leave_out_customer_id: _LeaveOut = None,
    ) -> SharedWith:
        """List the customers who were seen at an IP address, blocked or not, or to whom it is registered.

        Many share an address for good reasons: a company, a mobile network, a private range. Of each there are ids,
        times, the last decision and how cases ended, and nothing personal. Changes nothing.
        """
        with provider.research() as research:
            return research.customers_of_address(ip_address, days=days, limit=limit, besides=leave_out_customer_id)
