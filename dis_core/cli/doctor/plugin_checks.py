"""What `dis-core doctor` finds about the plug-ins for editors."""

from __future__ import annotations

from dis_core.cli.doctor.findings import Findings, Problem
from dis_core.errors import DisError

REGISTERED = {True: "GIMP has taken it", False: "GIMP has not taken it", None: "GIMP has not started since"}


def examine_plugins(findings: Findings) -> None:
    """Whether each editor would find its plug-in, and whether that one would find this installation."""
    for editor, examine in (("krita", examine_krita), ("gimp", examine_gimp)):
        try:
            findings.plugins[editor] = examine(findings)
        except (OSError, DisError) as error:
            findings.plugins[editor] = f"cannot be looked at: {error}"


def examine_krita(findings: Findings) -> str:
    """Where Krita's plug-in is, in words; what is wrong with it goes to the findings."""
    from dis_core.editors import krita

    places = krita.usual_places()
    cure = "run: dis-core plugin install krita"
    if not krita.is_installed(places):
        return f"not installed; to install it, {cure}"
    if not krita.is_switched_on(places):
        what = "the plug-in for Krita is switched off"
        findings.problems.append(Problem(what, f"{cure}, or tick it in Krita's Python Plugin Manager"))
    if not krita.is_up_to_date(places):
        what = "the plug-in for Krita is of another version, or uses another dis-core than this one"
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
            what = f"GIMP takes only plug-ins that can be executed, and {folder / gimp.PROGRAM} cannot"
            findings.problems.append(Problem(what, cure))
        elif registered is False:
            what = f"GIMP has looked at {folder} and did not take the plug-in"
            findings.problems.append(Problem(what, "start GIMP in a terminal, to see why; it has to be 3.0 or later"))
        if not gimp.is_up_to_date(profile):
            what = f"the plug-in for GIMP in {folder} is of another version, or uses another dis-core than this one"
            findings.problems.append(Problem(what, cure))
    return ", ".join(states) or f"not installed; to install it, {cure}"
