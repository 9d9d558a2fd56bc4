"""Builds the wheel and the source archive of locksync, for pip (PEP 517), with Python's own modules alone.

    pip install ./bindings/python
    pip wheel ./bindings/python --config-settings library=FOLDER

The first wheel uses the system's liblocksync.so.0. The second carries it, and liblocksync-redis.so.0 if it is there,
from FOLDER. The declarations of the C library are made from its headers, so the tree around this folder is needed; a
source archive has them already.

    locksync_backend.py --into FOLDER

puts the package into FOLDER, as a distribution's package has it.
"""
import argparse
import base64
import hashlib
import io
import pathlib
import re
import sys
import sysconfig
import tarfile
import tomllib
import zipfile

import declare

HERE = pathlib.Path(__file__).resolve().parent.parent
TREE = HERE.parent.parent
LIBRARIES = ("liblocksync.so.0", "liblocksync-redis.so.0")
MADE = "locksync/_capi.py"


def version():
    """Returns the version of the C library, with which the package is released."""
    archived = HERE / "PKG-INFO"
    text = (archived if archived.exists() else TREE / "meson.build").read_text(encoding="utf-8")
    return re.search(r"^(?:Version: |  version: ')([\d.]+)", text, re.MULTILINE)[1]


def package():
    """Returns the files of the package: the path in the wheel, and the content."""
    source = HERE / "src"
    files = {str(path.relative_to(source)): path.read_bytes() for path in sorted(source.glob("locksync/*"))
             if path.suffix in (".py", ".typed")}
    if MADE not in files:  # otherwise this is a source archive
        files[MADE] = declare.declarations(TREE / "include").encode()
    return files


def licence():
    """Returns the licence, which a source archive has beside the project."""
    archived = HERE / "LICENSE"
    return (archived if archived.exists() else TREE / "LICENSE").read_bytes()


def libraries(settings):
    """Returns the files of the libraries that the wheel carries."""
    folder = (settings or {}).get("library")
    if folder is None:
        return {}
    found = {name: pathlib.Path(folder) / name for name in LIBRARIES if (pathlib.Path(folder) / name).exists()}
    if LIBRARIES[0] not in found:
        raise SystemExit(f"{folder} does not contain {LIBRARIES[0]}")
    return {f"locksync/{name}": path.read_bytes() for name, path in found.items()}


def metadata():
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {version()}",
             f"Summary: {project['description']}", f"License: {project['license']['text']}", "License-File: LICENSE",
             f"Requires-Python: {project['requires-python']}",
             *(f"Classifier: {classifier}" for classifier in project["classifiers"]),
             "Description-Content-Type: text/markdown", "", (HERE / project["readme"]).read_text(encoding="utf-8")]
    return "\n".join(lines).encode()


def info(tag):
    """Returns the folder .dist-info without its RECORD."""
    folder = f"locksync-{version()}.dist-info"
    wheel = f"Wheel-Version: 1.0\nGenerator: locksync_backend\nRoot-Is-Purelib: {str(tag.endswith('any')).lower()}\n"
    return folder, {f"{folder}/METADATA": metadata(), f"{folder}/WHEEL": f"{wheel}Tag: {tag}\n".encode(),
                    f"{folder}/licenses/LICENSE": licence()}


def record(folder, files):
    """Returns the list of files with their hashes, which is part of the package too."""
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{folder}/RECORD,,\n"]).encode()


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):  # pylint: disable=unused-argument
    carried = libraries(config_settings)
    platform = re.sub(r"[-.]", "_", sysconfig.get_platform())
    tag = f"py3-none-{platform}" if carried else "py3-none-any"
    folder, described = info(tag)
    files = package() | carried | described
    files[f"{folder}/RECORD"] = record(folder, files)
    name = f"locksync-{version()}-{tag}.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, content in files.items():
            wheel.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return name


def build_sdist(sdist_directory, config_settings=None):  # pylint: disable=unused-argument
    base = f"locksync-{version()}"
    own = [path for name in ("pyproject.toml", "README.md", "locks.py", "backend/*.py") for path in HERE.glob(name)]
    files = {str(path.relative_to(HERE)): path.read_bytes() for path in own}
    files |= {f"src/{path}": content for path, content in package().items()}
    files |= {"PKG-INFO": metadata(), "LICENSE": licence()}
    name = f"{base}.tar.gz"
    with tarfile.open(pathlib.Path(sdist_directory) / name, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{base}/{path}")
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return name


def main():
    parser = argparse.ArgumentParser(description="Puts the package locksync into a folder.")
    parser.add_argument("--into", type=pathlib.Path, required=True, help="the folder, which gets a folder locksync")
    folder = parser.parse_args().into
    for path, content in (package() | info("py3-none-any")[1]).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    folder.touch()  # for a build system that compares times


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).parent))
    main()
