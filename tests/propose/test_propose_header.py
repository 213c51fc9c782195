"""Headers of GGUF files: what they say, and every way in which they can be broken."""

import contextlib
from pathlib import Path

import gguf
import pytest
from tiny_model import write_tiny_model

from superopt_cc.errors import UsageError
from superopt_cc.propose.header import MIXES, TENSORS, read_header


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_tiny_model(path, chat=True)
    return path


def test_a_header_says_what_the_model_is(tiny: Path) -> None:
    header = read_header(tiny)
    assert (header.architecture, header.context, header.tokens) == ("llama", 8192, 257)
    assert (header.template, header.quantisation) == (True, "F32")
    reader = gguf.GGUFReader(tiny)
    assert header.parameters == sum(int(tensor.n_elements) for tensor in reader.tensors)


def test_our_tables_are_those_of_the_format() -> None:
    for kind, (name, block, width) in TENSORS.items():
        known = gguf.GGMLQuantizationType(kind)
        assert (known.name, gguf.GGML_QUANT_SIZES[known]) == (name, (block, width))
    for mix, name in MIXES.items():
        assert gguf.LlamaFileType(mix).name == f"MOSTLY_{name}"


def test_every_cut_of_a_model_file_is_one_clear_line(tiny: Path, tmp_path: Path) -> None:
    data = tiny.read_bytes()
    path = tmp_path / "cut.gguf"
    for length in [*range(4, 400), *range(400, len(data), 9973), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(UsageError, match="cut off"):
            read_header(path)
    path.write_bytes(data)
    assert read_header(path).size == len(data)


def test_bytes_that_were_damaged_never_crash_the_reader(tiny: Path, tmp_path: Path) -> None:
    data = tiny.read_bytes()
    path = tmp_path / "bad.gguf"
    for at in range(4, 700):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        with contextlib.suppress(UsageError):
            read_header(path)
