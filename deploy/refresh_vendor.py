"""Fetch the front-end assets in static/vendor/ again, at the versions pinned here.

Needs npm (with the registry it is configured for) only when somebody changes a version; a running plant
never does. Usage: `python deploy/refresh_vendor.py`, then look at `git diff --stat static/`.
"""

import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
# package -> (version, folder in static/vendor, files to keep)
PACKAGES = {
    "htmx.org": ("2.0.11", "htmx", ["dist/htmx.min.js", "LICENSE"]),
    "idiomorph": ("0.8.0", "idiomorph", ["dist/idiomorph-ext.min.js", "LICENSE"]),
    "uplot": ("1.6.32", "uplot", ["dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE"]),
    "lucide-static": ("1.62.0", "lucide", ["LICENSE"]),  # only the icons named below, as one sprite
}
ICONS = """
    activity arrow-down arrow-right arrow-up badge-check bell book-open calendar calendar-clock
    chart-column check chevron-down chevron-left chevron-right chevron-up circle-check circle-dashed
    circle-dot circle-pause circle-play circle-question-mark circle-x clipboard-check clipboard-list
    clock delete download ellipsis external-link eye factory file-text gauge globe hand hard-hat
    history info key-round languages layout-dashboard list list-filter loader-circle lock log-out
    maximize menu microscope minimize minus moon octagon-alert octagon-x package pause pen-line play
    plug plus printer refresh-cw ruler scan-barcode search settings shield-check sigma siren
    sliders-horizontal sun sun-moon tablet triangle-alert undo-2 user user-cog wifi wifi-off wrench
    x zap
""".split()  # noqa: SIM905 a hundred quotes would hide the names


def fetch(package: str, version: str, into: Path) -> Path:
    subprocess.run(["npm", "pack", f"{package}@{version}", "--silent"], cwd=into, check=True, stdout=subprocess.DEVNULL)
    archive = into / f"{package.lstrip('@').replace('/', '-')}-{version}.tgz"
    with tarfile.open(archive) as tar:
        tar.extractall(into / package, filter="data")
    return into / package / "package"


def sprite(icons: Path) -> str:
    """One file of <symbol>s: pages write `<use href="…/icons.svg#play">` and inherit colour and size."""
    symbols = []
    for name in ICONS:
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", (icons / f"{name}.svg").read_text(), re.S)
        if shapes is None:
            raise ValueError(f"{name}.svg holds no drawing")
        inner = re.sub(r"\s*\n\s*", "", shapes.group(1))
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
            f'stroke-linecap="round" stroke-linejoin="round">{inner}</symbol>'
        )
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for package, (version, folder, files) in PACKAGES.items():
            unpacked = fetch(package, version, Path(scratch))
            target = STATIC / "vendor" / folder
            target.mkdir(parents=True, exist_ok=True)
            for name in files:
                shutil.copyfile(unpacked / name, target / Path(name).name)
            if package == "lucide-static":
                (STATIC / "icons.svg").write_text(sprite(unpacked / "icons"))
            print(f"{package} {version}")


if __name__ == "__main__":
    main()
