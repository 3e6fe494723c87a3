"""The command for a user who has no home folder, as in a container: there is none in the list of users either."""

from __future__ import annotations

import pwd
from typing import NoReturn

from dis_core.__main__ import main


def refuse(user_id: int) -> NoReturn:
    raise KeyError(f"getpwuid(): uid not found: {user_id}")


if __name__ == "__main__":
    pwd.getpwuid = refuse
    main()
