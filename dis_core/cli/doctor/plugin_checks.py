"""What `dis-core doctor` checks about the plug-ins for editors."""

from __future__ import annotations

from dis_core.cli.doctor.findings import Findings, Problem
from dis_core.errors import DisError

REGISTERED = {
    True: "loaded by GIMP",
    False: "not loaded by GIMP",
    None: "GIMP has not started since it was installed",
}


def examine_plugins(findings: Findings) -> None:
    """Whether each editor finds its plug-in, and whether the plug-in finds this installation."""
    for editor, examine in (("krita", examine_krita), ("gimp", examine_gimp)):
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
