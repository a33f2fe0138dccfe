"""The C core built alone, as a vendor gets it: libraries, header, pkg-config file, and a program linked to them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
HEADER = (NATIVE / "include" / "zc.h").read_text(encoding="utf-8")
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Wconversion", "-Werror"]
BIN = Path(sys.executable).parent
PATH = f"{BIN}:/usr/local/bin:/usr/bin:/bin"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="ELF libraries"),
    pytest.mark.skipif(not (BIN / "ninja").exists(), reason="cmake and ninja stand in the environment of `make build`"),
]


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env={"PATH": PATH, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def need(command: str) -> None:
    program, *_ = command.split()
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the preset "release" is installed."""
    directory = tmp_path_factory.mktemp("zc")
    where = directory / "prefix"
    run("cmake", "-S", NATIVE, "--preset", "release", "-B", directory / "build", f"-DCMAKE_INSTALL_PREFIX={where}",
        "-DCMAKE_INSTALL_LIBDIR=lib", "-DZC_WERROR=ON")  # fmt: skip
    run("cmake", "--build", directory / "build")
    run("cmake", "--install", directory / "build")
    return where


def declared() -> set[str]:
    """The functions of the header, read without ZC_API, so that one that lacks it is noticed."""
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
    return set(re.findall(r"^[\w *]*?\b(zc_\w+)\([^)]*\);", code, flags=re.MULTILINE | re.DOTALL))


def globals_of(library: Path, *options: str) -> set[str]:
    symbols = run("nm", "--defined-only", "--extern-only", *options, library)
    return {line.split()[-1] for line in symbols.splitlines() if len(line.split()) == 3}


def test_the_shared_library_exports_the_header_and_nothing_else(prefix: Path) -> None:
    assert globals_of(prefix / "lib" / "libzc.so", "--dynamic") == declared()


def test_the_static_library_has_zc_names_only(prefix: Path) -> None:
    names = globals_of(prefix / "lib" / "libzc.a")
    assert {name for name in names if not name.startswith("zc_")} == set()
    assert declared() <= names


def test_the_shared_library_has_its_version(prefix: Path) -> None:
    assert "SONAME" in (dynamic := run("readelf", "--dynamic", prefix / "lib" / "libzc.so"))
    assert "[libzc.so.0]" in dynamic
    assert (prefix / "lib" / "libzc.so.0").exists()


@pytest.mark.parametrize("compiler", ["gcc -std=c11", "gcc -std=c17", "clang -std=c11"])
def test_the_header_alone_is_c(prefix: Path, tmp_path: Path, compiler: str) -> None:
    need(compiler)
    source = tmp_path / "header.c"
    source.write_text("#include <zc.h>\nint main(void) { return zc_reason(ZC_OK) == 0; }\n")
    run(*compiler.split(), *STRICT, f"-I{prefix}/include", "-c", source, "-o", tmp_path / "header.o")


@pytest.mark.parametrize("compiler", ["g++ -std=c++11", "g++ -std=c++20", "clang++ -std=c++17"])
def test_the_header_is_cpp_too_and_links(prefix: Path, tmp_path: Path, compiler: str) -> None:
    need(compiler)
    source = tmp_path / "header.cpp"
    source.write_text(
        "#include <zc.h>\nint main() { zc_exchange x = {}; return zc_reason(ZC_OK) == nullptr || x.sw; }\n"
    )
    program = tmp_path / "header"
    run(*compiler.split(), *STRICT, f"-I{prefix}/include", source, f"-L{prefix}/lib", "-lzc", "-o", program)
    run(program, LD_LIBRARY_PATH=str(prefix / "lib"))


@pytest.mark.parametrize("linking", ["shared", "static"])
def test_a_vendors_program_is_built_with_pkg_config(prefix: Path, tmp_path: Path, linking: str) -> None:
    need("pkg-config")
    where = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", *(["--static"] if linking == "static" else []), "zc", **where)
    if linking == "static":
        flags = flags.replace("-lzc", str(prefix / "lib" / "libzc.a"))
    program = tmp_path / "read_object"
    run("gcc", "-std=c11", *STRICT, NATIVE / "examples" / "read_object.c", *flags.split(), "-o", program)
    output = run(program, LD_LIBRARY_PATH=str(prefix / "lib") if linking == "shared" else "")
    assert output.splitlines() == [
        "T=1, extended length yes",
        "> 00CB3FFF, 11 bytes",
        "> 00C00000, 5 bytes",
        "certificate of 2 bytes at offset 4",
    ]
    assert run("pkg-config", "--modversion", "zc", **where).strip() == "0.1.0"
