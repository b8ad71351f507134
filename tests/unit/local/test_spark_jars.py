"""Which jars a local Spark run gets besides Spark's own."""

from pathlib import Path

import pytest

from shapebench.local import spark_jars

DRIVER, EXECUTOR = "spark.driver.extraClassPath", "spark.executor.extraClassPath"


@pytest.mark.parametrize(("folder", "variable", "value"), [
    pytest.param("own", "SHAPEBENCH_SPARK_JARS", "own", id="named"),
    pytest.param("cache/spark-jars", "SHAPEBENCH_CACHE", "cache", id="cache"),
    pytest.param("xdg/shapebench/spark-jars", "XDG_CACHE_HOME", "xdg", id="xdg"),
    pytest.param("home/.cache/shapebench/spark-jars", "HOME", "home", id="home"),
])
def test_the_folder_is_added_to_both_class_paths(tmp_path: Path, folder: str, variable: str, value: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    found = spark_jars.class_path({EXECUTOR: "/mine.jar"}, {variable: str(tmp_path / value)})
    assert found == {DRIVER: f"{tmp_path / folder}/*", EXECUTOR: f"/mine.jar:{tmp_path / folder}/*"}


def test_without_the_folder_nothing_is_added(tmp_path: Path) -> None:
    assert spark_jars.class_path({DRIVER: "/mine.jar"}, {"HOME": str(tmp_path)}) == {}
