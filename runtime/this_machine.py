"""What counts as this machine itself."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether a host names this machine itself; names are not looked up, so any but localhost counts as elsewhere."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
