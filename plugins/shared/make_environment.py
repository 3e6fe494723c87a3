"""The program that installs dis-core into an environment of its own; editors start it with a Python that they found.

It only starts `environment_work`, so that a Python that is too old for that is told of in words.
"""

import os
import sys

if sys.version_info < (3, 8):  # noqa: UP036 - whatever Python is here starts it
    print(  # noqa: T201
        '{"event": "error", "code": "NoPython", "message": "the Python that was found is too old", '
        '"hint": "install Python 3.12 from python.org, then try again"}'
    )
    sys.exit(1)

if __name__ == "__main__":
    # Its own folder would put modules such as `bitmap` before those of others.
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from shared.environment_work import main

    del sys.path[0]
    sys.exit(main(sys.argv[1:]))
