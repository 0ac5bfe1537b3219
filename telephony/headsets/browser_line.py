"""The line on which browser headsets are rung: on loopback, by no proxy, whatever the trunks are like."""

from telephony.call_control import Trunk

BROWSER_LINE = Trunk(name="browser headsets", host="127.0.0.1", loopback_only=True)
"""The port stands in each headset's own address."""
