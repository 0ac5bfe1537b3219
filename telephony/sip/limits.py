"""What the SIP library on this machine can do, asked in a process of its own: `python -m telephony.sip.limits`."""

import json

import pjsua2 as pj

from telephony.sip.endpoint import NativeLibrary


def main() -> None:
    """Print the library's version and how many calls one process can hold."""
    native = NativeLibrary()
    native.silence_log()
    library = pj.Endpoint()
    library.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.maxCalls = 32
    settings.logConfig.level = 0
    settings.logConfig.consoleLevel = 0
    library.libInit(settings)
    print(json.dumps({"version": library.libVersion().full, "calls": native.call_limit()}))
    library.libDestroy()


if __name__ == "__main__":
    main()
