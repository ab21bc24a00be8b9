"""Extension modules that declare free-threading, or do not, in both ways of initialisation; compiled for a test."""

from __future__ import annotations

import json
import pathlib
import subprocess

DECLARING_SLOT = "{Py_mod_gil, Py_MOD_GIL_NOT_USED},"
MULTI_PHASE = """
#include <Python.h>
static PyModuleDef_Slot slots[] = {{ {slot} {{0, NULL}} }};
static PyModuleDef definition = {{ PyModuleDef_HEAD_INIT, .m_name = "{name}", .m_slots = slots }};
PyMODINIT_FUNC PyInit_{name}(void) {{ return PyModuleDef_Init(&definition); }}
"""
SINGLE_PHASE = """
#include <Python.h>
static PyModuleDef definition = {{ PyModuleDef_HEAD_INIT, .m_name = "{name}", .m_size = -1 }};
PyMODINIT_FUNC PyInit_{name}(void)
{{
    PyObject *module = PyModule_Create(&definition);
    {mark}
    return module;
}}
"""
SOURCES = {
    "declared_multi": MULTI_PHASE.format(name="declared_multi", slot=DECLARING_SLOT),
    "undeclared_multi": MULTI_PHASE.format(name="undeclared_multi", slot=""),
    "declared_single": SINGLE_PHASE.format(
        name="declared_single", mark="PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);"
    ),
    "undeclared_single": SINGLE_PHASE.format(name="undeclared_single", mark=""),
}


def compile_modules(python: str, folder: pathlib.Path, *names: str) -> None:
    """Compile some of SOURCES for an interpreter into a folder."""
    ask = "import json, sysconfig; p = sysconfig.get_path, sysconfig.get_config_var; " \
          "print(json.dumps([p[0]('include'), p[1]('EXT_SUFFIX')]))"  # fmt: skip
    include, suffix = json.loads(subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout)
    for name in names:
        source = folder / f"{name}.c"
        source.write_text(SOURCES[name])
        subprocess.run(["cc", "-shared", "-fPIC", f"-I{include}", "-o", folder / f"{name}{suffix}", source], check=True)
