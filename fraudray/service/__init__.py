"""What every face offers, as JSON-ready documents: in this process (`LocalService`) or through a server (`Client`)."""

from fraudray.service.service import LocalService, Service, open_service, parse_profiles

__all__ = ["LocalService", "Service", "open_service", "parse_profiles"]
