from __future__ import annotations

from pathlib import Path

import pytest

from superopt_cc.settings import Settings, load_settings


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    source = tmp_path / "repo" / "src"
    source.mkdir(parents=True)
    (tmp_path / "repo" / ".git").mkdir()
    return source


def load(source: Path, *options: str, **environ: str) -> tuple[Settings, tuple[str, ...]]:
    home = source.parent.parent / "home"
    return load_settings(source, options, {"HOME": str(home), **environ})


def test_defaults_are_those_of_the_design(tree: Path) -> None:
    settings, problems = load(tree)
    assert problems == ()
    assert (settings.mode, settings.select, settings.isa) == ("now", ("pragma",), "match")
    assert (settings.require, settings.accept) == ("tested", "faster")
    assert (settings.budget, settings.model_budget) == (30.0, 120.0)
    assert (settings.samples, settings.rounds, settings.cache_size) == (8, 2, 10**9)
    assert settings.cache_dir == tree.parent.parent / "home" / ".cache" / "superopt-cc"
    assert settings.proposers is settings.model is settings.cc is settings.log is None


def test_each_source_beats_the_weaker_ones(tree: Path) -> None:
    config = tree.parent.parent / "home" / ".config" / "superopt-cc"
    config.mkdir(parents=True)
    (config / "config.toml").write_text("budget = 1\nsamples = 1\nrounds = 1\nmode = 'use'\n")
    (tree.parent / "superopt.toml").write_text("budget = 2\nsamples = 2\nrounds = 2\n")
    settings, problems = load(
        tree, "--superopt-budget=4", SUPEROPT_BUDGET="3", SUPEROPT_SAMPLES="3"
    )
    assert problems == ()
    assert (settings.budget, settings.samples, settings.rounds) == (4.0, 3, 2)
    assert settings.mode == "use"


def test_a_file_outside_the_repository_decides_nothing(tree: Path) -> None:
    (tree.parent.parent / "superopt.toml").write_text("mode = 'off'\n")
    assert load(tree)[0].mode == "now"


def test_lists_numbers_and_sizes_are_read_from_toml(tree: Path) -> None:
    (tree / "superopt.toml").write_text(
        "select = ['crc*', 'sum']\nproposers = ['compilers']\ncache_size = '500 MB'\n"
        "cache_dir = 'kept'\nmodel = 'models/a.gguf'\nprogress = false\n"
    )
    settings, problems = load(tree)
    assert problems == ()
    assert settings.select == ("crc*", "sum")
    assert settings.proposers == ("compilers",)
    assert settings.cache_size == 500_000_000
    assert settings.cache_dir == tree / "kept"
    assert settings.model == str(tree / "models/a.gguf")
    assert settings.progress == "off"


def test_a_model_url_stays_a_url(tree: Path) -> None:
    assert load(tree, SUPEROPT_MODEL="http://host:1/v1")[0].model == "http://host:1/v1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUPEROPT_MODE", "sometimes"),
        ("SUPEROPT_ISA", "host"),
        ("SUPEROPT_REQUIRE", "hoped"),
        ("SUPEROPT_ACCEPT", "slower"),
        ("SUPEROPT_BUDGET", "-1"),
        ("SUPEROPT_BUDGET", "nan"),
        ("SUPEROPT_MODEL_BUDGET", "soon"),
        ("SUPEROPT_SAMPLES", "0"),
        ("SUPEROPT_ROUNDS", "many"),
        ("SUPEROPT_CACHE_SIZE", "10"),
        ("SUPEROPT_CACHE_SIZE", "inf"),
        ("SUPEROPT_CACHE_DIR", ""),
        ("SUPEROPT_SELECT", "all,foo"),
        ("SUPEROPT_SELECT", "profile:perf.data"),
        ("SUPEROPT_PROPOSERS", " "),
        ("SUPEROPT_PROGRESS", "loud"),
        ("SUPEROPT_MODDE", "off"),
    ],
)
def test_a_bad_value_or_name_is_one_line_and_changes_nothing(
    tree: Path, name: str, value: str
) -> None:
    settings, problems = load(tree, **{name: value})
    assert len(problems) == 1
    assert name in problems[0]
    assert "\n" not in problems[0]
    assert settings == load(tree)[0]


def test_a_bad_value_leaves_the_weaker_source_in_force(tree: Path) -> None:
    (tree / "superopt.toml").write_text("mode = 'use'\n")
    settings, problems = load(tree, SUPEROPT_MODE="bad")
    assert settings.mode == "use"
    assert len(problems) == 1


def test_broken_files_are_problems_not_errors(tree: Path) -> None:
    (tree / "superopt.toml").write_text("mode = \n")
    settings, problems = load(tree)
    assert settings == load_settings(tree.parent, (), {"HOME": str(tree.parent.parent / "home")})[0]
    assert len(problems) == 1
    assert "not TOML" in problems[0]


def test_an_option_without_a_value_or_with_an_unknown_name_is_a_problem(tree: Path) -> None:
    _, problems = load(tree, "--superopt-mode", "--superopt-speed=1")
    assert len(problems) == 2


def test_a_model_behind_a_url_is_checked_and_its_secrets_are_not_repeated(tree: Path) -> None:
    good = "https://host.example:8000/v1#org/name"
    assert load(tree, SUPEROPT_MODEL=good) == (load(tree, SUPEROPT_MODEL=good)[0], ())
    assert load(tree, SUPEROPT_MODEL=good)[0].model == good
    for bad in (
        "https://me:secret@host/v1",
        "https://host/v1?key=secret",
        "ftp://secret",
        "http://",
    ):
        settings, problems = load(tree, SUPEROPT_MODEL=bad)
        assert settings.model is None
        assert len(problems) == 1
        assert "secret" not in problems[0]


def test_the_key_of_a_server_is_no_setting(tree: Path) -> None:
    assert load(tree, SUPEROPT_API_KEY="sk-secret")[1] == ()
    (tree / "superopt.toml").write_text("api_key = 'sk-secret'\n")
    (problem,) = load(tree)[1]
    assert "unknown setting api_key" in problem
    assert "sk-secret" not in problem


def test_surface_and_prompts_are_read(tree: Path) -> None:
    (tree / "superopt.toml").write_text("surface = 'asm'\nprompts = 'mine'\n")
    settings, problems = load(tree)
    assert problems == ()
    assert (settings.surface, settings.prompts) == ("asm", tree / "mine")
    assert load(tree, SUPEROPT_PROMPTS="none")[0].prompts is None
    assert load(tree, SUPEROPT_SURFACE="rust")[1] != ()


URL = "https://host.example/v1"


def test_a_url_that_only_the_source_tree_names_is_foreign(tree: Path) -> None:
    (tree / "superopt.toml").write_text(f"model = '{URL}'\n")
    assert load(tree)[0].foreign_model
    assert not load(tree, SUPEROPT_MODEL=URL)[0].foreign_model
    assert not load(tree, f"--superopt-model={URL}")[0].foreign_model
    assert not load(tree, SUPEROPT_MODEL="/a/b.gguf")[0].foreign_model
    assert load(tree, SUPEROPT_MODEL="ftp://not.taken")[0].foreign_model
    config = tree.parent.parent / "home" / ".config" / "superopt-cc"
    config.mkdir(parents=True)
    (config / "config.toml").write_text(f"model = '{URL}'\n")
    assert not load(tree)[0].foreign_model
    (tree / "superopt.toml").write_text("model = 'https://other.example/v1'\n")
    assert load(tree)[0].foreign_model


def test_a_list_of_models_in_the_source_tree_makes_their_urls_foreign(tree: Path) -> None:
    for folder in (tree / "theirs", tree.parent.parent / "mine"):
        (folder / "models").mkdir(parents=True)
        (folder / "models" / "models.json").write_text(
            f'{{"models": {{"work": {{"server": true, "source": "{URL}"}}}}}}'
        )
    (tree / "superopt.toml").write_text("model = 'work'\n")
    mine = str(tree.parent.parent / "mine")
    settings, problems = load(tree, SUPEROPT_CACHE_DIR=mine)
    assert (settings.model, settings.foreign_model, problems) == (URL, False, ())
    (tree / "superopt.toml").write_text("cache_dir = 'theirs'\n")
    settings, _ = load(tree, SUPEROPT_MODEL="work")
    assert (settings.model, settings.foreign_model) == (URL, True)
