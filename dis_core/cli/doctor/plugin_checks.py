"""What `dis-core doctor` checks about the plug-ins for editors."""

from __future__ import annotations

from dis_core.__version__ import __version__
from dis_core.cli.doctor.findings import Findings, Problem
from dis_core.errors import DisError
from dis_core.files import megabytes

REGISTERED = {
    True: "loaded by GIMP",
    False: "not loaded by GIMP",
    None: "GIMP has not started since it was installed",
}


def examine_plugins(findings: Findings) -> None:
    """Whether each editor finds its plug-in, and whether the plug-in finds this installation."""
    checks = (("krita", examine_krita), ("gimp", examine_gimp), ("their own dis-core", examine_own_environment))
    for editor, examine in checks:
        try:
            findings.plugins[editor] = examine(findings)
        except (OSError, DisError) as error:
            findings.plugins[editor] = f"cannot be checked: {error}"


def examine_krita(findings: Findings) -> str:
    """Where Krita's plug-in is, in words; problems go to the findings."""
    from dis_core.editors import krita

    places = krita.usual_places()
    cure = "run: dis-core plugin install krita"
    if not krita.is_installed(places):
        return f"not installed; to install it, {cure}"
    if not krita.is_switched_on(places):
        what = "the plug-in for Krita is turned off"
        findings.problems.append(Problem(what, f"{cure}, or tick it in Krita's Python Plugin Manager"))
    if not krita.is_up_to_date(places):
        what = "the plug-in for Krita is another version, or uses another dis-core than this one"
        findings.problems.append(Problem(what, cure))
    return str(places.package)


def examine_gimp(findings: Findings) -> str:
    """The same for GIMP, over all of its profiles."""
    from dis_core.editors import gimp

    cure = "run: dis-core plugin install gimp"
    states = []
    for profile in filter(gimp.is_installed, gimp.usual_profiles()):
        folder = gimp.plugin_folder(profile)
        registered = gimp.is_registered(profile)
        states.append(f"{folder} ({REGISTERED[registered]})")
        if not gimp.is_executable(profile):
            what = f"GIMP only loads plug-ins that are executable, and {folder / gimp.PROGRAM} is not"
            findings.problems.append(Problem(what, cure))
        elif registered is False:
            what = f"GIMP did not load the plug-in in {folder}"
            findings.problems.append(
                Problem(what, "start GIMP in a terminal to see why; it must be version 3.0 or later")
            )
        if not gimp.is_up_to_date(profile):
            what = f"the plug-in for GIMP in {folder} is another version, or uses another dis-core than this one"
            findings.problems.append(Problem(what, cure))
    return ", ".join(states) or f"not installed; to install it, {cure}"


def examine_own_environment(findings: Findings) -> str:
    """The dis-core that a plug-in has installed for itself, in words."""
    from dis_core.editors.own_environment import find_own_environment, left_over

    for path in left_over():
        what = f"an installation by an editor's plug-in was stopped and left {path}"
        findings.problems.append(Problem(what, "install dis-core again in the editor, or delete the folder"))
    own = find_own_environment()
    if own is None:
        return "not installed"
    cure = "in Krita's docker choose Manage > Repair, or press Repair in GIMP's dialog"
    if not own.python.exists():
        what = f"the dis-core that an editor's plug-in has installed does not start: {own.python} is missing"
        findings.problems.append(Problem(what, cure))
    elif own.version != __version__:
        what = f"the dis-core that an editor's plug-in has installed is {own.version}, and this one is {__version__}"
        findings.problems.append(Problem(what, cure))
    return f"{own.version}, {megabytes(own.size_bytes)}, in {own.folder}"
