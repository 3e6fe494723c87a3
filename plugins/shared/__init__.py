"""What the plug-ins for Krita and GIMP share: dis-core as a child process, its words and its settings.

This folder is the one source of it. `dis-core plugin install` and `dis-core plugin build` put it into each plug-in as
the package `shared`. It knows no editor, imports nothing but the standard library, and runs on Python 3.8 and later.

Two kinds of strings meet here. Editors and JSON files hold *text*. Python's own file names are text decoded by the
file system's encoding, which is ASCII inside of Krita on Linux; `file_name` and `text_of` lead from one to the other.
"""
