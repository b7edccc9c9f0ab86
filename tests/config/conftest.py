"""A house of small components as a one-file plugin, and a loader that knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cliqa.config import ResolvedConfig, load_config
from cliqa.errors import ConfigError
from cliqa.registry import Registry
from cliqa.registry.discovery import Installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

HOUSE = """
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cliqa import Component, hookimpl
from cliqa.config import ComponentConfig


class Net(ComponentConfig):
    depth: int = Field(default=18, ge=1, le=200, description="number of layers")
    pretrained: bool = True
    width: float = Field(default=1.0, gt=0, lt=10)
    weights: Path | None = None


class Zoo(ComponentConfig):
    name: str
    pretrained: bool = True


class Inner(ComponentConfig):
    kind: Literal["cosine", "euclidean"] = "cosine"
    power: float = 2.0


class Alone(ComponentConfig):
    weight: float = Field(default=1e-4, ge=0)
    layers: tuple[int, ...] = (1, 2)
    scales: dict[str, float] = {}
    either: int | Literal["all"] = "all"
    title: str = Field(default="x", max_length=5, pattern="^[a-z]*$")
    even: int = Field(default=2, multiple_of=2)
    order: str | list[str] = "given"

    @field_validator("weight")
    @classmethod
    def _odd(cls, value):
        if value == 13:
            raise ValueError("13 brings bad luck")
        return value

    @model_validator(mode="after")
    def _together(self):
        if self.layers == () and self.even == 4:
            raise ValueError("even=4 needs layers")
        return self


class Needy(ComponentConfig):
    size: int = Field(ge=1, description="images kept")


class KMeans(ComponentConfig):
    k: int = Field(default=8, ge=1)
    distance: Inner = Inner()
    label: str = "plain"


class Images(ComponentConfig):
    images: int = Field(default=100, ge=10, le=1000)
    seed: int | None = Field(default=None, ge=0)


def make(config):
    return ("made", config)


def plain(name):
    return Component(name=name, factory=make, summary=f"the {name}")


@hookimpl
def cliqa_backbones():
    return [
        Component(name="net", factory=make, config=Net, summary="a net", reference="Net 2024"),
        Component(name="zoo", factory=make, config=Zoo, members=lambda: ["zoo_small", "zoo_big"]),
        Component(name="lost", factory=make, config="no_such_module:Config"),
    ]


@hookimpl
def cliqa_strategies():
    return [
        Component(name="alone", factory=make, config=Alone),
        Component(name="needy", factory=make, config=Needy),
        plain("joint"),
    ]


@hookimpl
def cliqa_objectives():
    return [plain("fidelity"), plain("regression")]


@hookimpl
def cliqa_gates():
    kmeans = Component(name="kmeans", factory=make, config=KMeans)
    return [plain("newest"), plain("uniform"), kmeans]


@hookimpl
def cliqa_metrics():
    return [plain(name) for name in ("mSRCC", "mPI", "mSI", "mPSI")]


@hookimpl
def cliqa_datasets():
    names = ("koniq", "live", "csiq", "owner/set")
    return [Component(name=name, factory=make, config=Images) for name in names]


@hookimpl
def cliqa_recipes():
    return [Component(name="starter", factory=f"{__name__}:starter.yaml")]
"""

STARTER = """\
backbone: net
strategy: alone
stream:
  tasks: [koniq, live]
"""


@pytest.fixture(autouse=True, scope="module")
def _no_installed_plugins() -> Iterator[None]:
    """Names of the house must not clash with those of plugins installed beside the tests."""
    with pytest.MonkeyPatch.context() as patch:
        nothing = Installed((), (), ())
        patch.setattr("cliqa.registry.registry.find_installed", lambda **_: nothing)
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    (folder / "starter.yaml").write_text(STARTER, encoding="utf-8")
    file = folder / "house.py"
    file.write_text(HOUSE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def factory(house: Path) -> Callable[[list[Path]], Registry]:
    return lambda files: Registry.discover(local_files=[house, *files])


class Loader:
    """Loads a configuration from text or by name; the file is called run.yaml in messages."""

    def __init__(self, folder: Path, factory: Callable[[list[Path]], Registry]) -> None:
        self.folder = folder
        self.factory = factory

    def __call__(self, text: str, *overrides: str) -> ResolvedConfig:
        file = self.folder / "run.yaml"
        file.write_text(text, encoding="utf-8")
        return self.named(file, overrides)

    def named(self, source: str | Path, overrides: Sequence[str] = ()) -> ResolvedConfig:
        return load_config(source, overrides=overrides, registry_factory=self.factory)

    def faults(self, text: str, *overrides: str) -> list[str]:
        """The lines of the error, without the folder of the file and without the headline."""
        with pytest.raises(ConfigError) as caught:
            self(text, *overrides)
        lines = str(caught.value).replace(f"{self.folder}/", "").split("\n")
        return [line.removeprefix("  ") for line in lines if not line.endswith(" mistakes")]


@pytest.fixture(scope="module")
def load(
    tmp_path_factory: pytest.TempPathFactory, factory: Callable[[list[Path]], Registry]
) -> Loader:
    return Loader(tmp_path_factory.mktemp("configs"), factory)


@pytest.fixture
def minimal() -> str:
    return STARTER
