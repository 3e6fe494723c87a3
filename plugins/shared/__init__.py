"""Code that the plug-ins for Krita and GIMP share: dis-core's command line, its events, and the settings.

`dis-core plugin install` and `dis-core plugin build` copy this folder into each plug-in as the package `shared`. It
knows no editor, imports only the standard library, and runs on Python 3.8 and later.

There are two kinds of strings here. Editors and JSON files hold *text*. Python's file names are text decoded with the
file system's encoding, which is ASCII inside Krita on Linux. `file_name` and `text_of` convert between the two.
"""
