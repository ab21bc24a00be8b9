import datetime
import json
import re
from importlib import resources
from typing import get_args

import pytest

from snakepit import compat

WANTED = {
    "numpy",
    "scipy",
    "pandas",
    "polars",
    "torch",
    "tensorflow",
    "jax",
    "scikit-learn",
    "xgboost",
    "lightgbm",
    "onnxruntime",
    "transformers",
    "spacy",
    "opencv-python",
    "pillow",
    "matplotlib",
    "sqlite3",
    "sqlalchemy",
    "requests",
    "httpx",
    "aiohttp",
    "grpcio",
    "pyarrow",
    "lxml",
    "psycopg",
    "redis",
    "pydantic",
    "orjson",
    "numba",
    "cupy",
    "faiss",
    "cython",
    "cffi",
    "cryptography",
    "pyyaml",
    "protobuf",
    "msgpack",
    "pyzmq",
    "uvloop",
    "h5py",
    "zarr",
    "dask",
}
FIELDS = {"name", "modules", "thread_safety", "free_threading", "since", "advice", "sources", "checked"}
VERSION = re.compile(r"\d+(\.\d+)*")
RECORDS = json.loads(resources.files("snakepit").joinpath("compat.json").read_text(encoding="utf-8"))["libraries"]


def test_the_matrix_knows_the_libraries_that_people_use():
    assert {library.name for library in compat.load()} >= WANTED


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_every_entry_keeps_to_the_schema(record):
    assert record.keys() == FIELDS
    assert record["name"] == record["name"].lower()
    assert record["modules"]
    assert all(all(part.isidentifier() for part in module.split(".")) for module in record["modules"])
    assert record["thread_safety"] in get_args(compat.ThreadSafety)
    assert record["free_threading"] in get_args(compat.FreeThreading)
    assert record["since"] is None or (record["free_threading"] == "yes" and VERSION.fullmatch(record["since"]))
    assert record["advice"].endswith(".")
    assert datetime.date(2026, 1, 1) <= datetime.date.fromisoformat(record["checked"])


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_what_is_claimed_has_a_source(record):
    claims = record["thread_safety"] != "unknown" or record["free_threading"] in ("yes", "source", "no")
    assert record["sources"] or not claims
    for source in record["sources"]:
        assert source.keys() == {"title", "url"}
        assert source["title"]
        assert re.fullmatch(r"https://[^\s]+", source["url"])
        assert "pypi" not in source["url"]  # what a registry shows is not a document of the project


def test_names_and_modules_are_told_once():
    names = [record["name"] for record in RECORDS]
    modules = [module for record in RECORDS for module in record["modules"]]
    assert len(names) == len(set(names))
    assert len(modules) == len(set(modules))


def test_a_library_is_found_by_its_name_and_by_what_is_imported():
    assert compat.find("Scikit_Learn").name == compat.find("sklearn").name == "scikit-learn"
    assert compat.find("PIL").name == "pillow"
    assert compat.find("numpy.linalg") is None
