"""The data files that ampviz knows: sizes, checksums and the addresses that serve them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataFile:
    """A known file: its name below a data folder, size in bytes, sha256, and the addresses that serve it.

    With `member`, the addresses serve an archive (zip, tar or tar.gz) that has the file under this name. Without
    addresses the file was derived from published data and has to be brought along.
    """

    name: str
    nbytes: int
    sha256: str
    addresses: tuple[str, ...] = ()
    member: str = ""

    @property
    def dataset(self) -> str:
        return self.name.split("/", 1)[0]


_MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_SST = ("https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",)
_BABI = (
    "http://www.thespermwhale.com/jaseweston/babi/tasks_1-20_v1-2.tar.gz",
    "https://s3.amazonaws.com/text-datasets/babi_tasks_1-20_v1-2.tar.gz",
)


def _mnist(name: str, nbytes: int, sha256: str) -> DataFile:
    return DataFile(f"mnist/{name}", nbytes, sha256, tuple(base + name for base in _MNIST))


def _sst(name: str, nbytes: int, sha256: str) -> DataFile:
    return DataFile(f"sst/{name}", nbytes, sha256, _SST, f"trees/{name}")


def _babi(task: str, nbytes: int, sha256: str) -> DataFile:
    member = f"tasks_1-20_v1-2/en/{task}.txt"
    return DataFile(f"babi/{member}", nbytes, sha256, _BABI, member)


FILES = {
    file.name: file
    for file in (
        _mnist(
            "train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        _mnist(
            "train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        _mnist(
            "t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        _mnist("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        _sst("train.txt", 2_160_058, "e2f3f41b0b1e6d4dddc0effe3bfc2d27ed8928079aa9a03d652311614fc5feb7"),
        _sst("dev.txt", 280_825, "0e9336aed6e4730e19f58d00a77b3f0297efdb755f7b5e598c98a05e3f97ea40"),
        _sst("test.txt", 559_614, "6e54806dee95cf80cd918e7dfb3f6770f6df24bf826f289a4d1f709e1c8f6761"),
        DataFile(
            "glove/glove.6B.100d.sst-vocab.txt.gz",
            5_749_768,
            "04cb3f67fa3ada7b976f533fda07b0bd7ff7ae3c2ee00568940b4fbb92a5b2f2",
        ),
        DataFile(
            "babi/babi_symbolic_graphs_10fold.tar.gz",
            965_730,
            "8e5fb5a1f2e9a2f459ae0ab0d131f09b0ef018252cc16481fdbeac1648aa6f42",
        ),
        _babi(
            "qa2_two-supporting-facts_train",
            177_412,
            "a4978af5bc0dc30191810e7c9949aaa6eae939ed0f6beb9fcb5f4330c2a27860",
        ),
        _babi(
            "qa2_two-supporting-facts_test", 179_835, "eff93fb9cd81ba02eb765772cf7cc269769ed44ec71cbbbc19cfb16ee5eba0f6"
        ),
        _babi(
            "qa3_three-supporting-facts_train",
            529_204,
            "a6e78019f36a02a7ed71fe6aaded0b563ff09c8deec392931801fcd9c6af4d60",
        ),
        _babi(
            "qa3_three-supporting-facts_test",
            526_527,
            "17795c977100baf8188f386522ae301b62d6c1a13efc01b3aea781e588b4d57f",
        ),
        _babi("qa15_basic-deduction_train", 87_688, "e856ebfdcce4dd7d617c1d10f985e96a0850c0ca18e9a19a017cb710d135ed3d"),
        _babi("qa15_basic-deduction_test", 87_769, "32b77e117fe9acf5f94906684e3b5206de0108e646c76e1da3e022896ec7ee94"),
        _babi(
            "qa16_basic-induction_train", 208_334, "20121005137e3d4b061a086eb177a456303d5742b764eb8da2d0e480b6af4d28"
        ),
        _babi("qa16_basic-induction_test", 208_208, "4a11e55366f2a5a859b5a81f683ee23801bdbe71ef984e51adb976bd053e8dcf"),
        _babi("qa18_size-reasoning_train", 104_815, "18b7dcf52c9a0e87e4e7dd3d65b7e5a630de039645f52a1294197af7481d739d"),
        _babi("qa18_size-reasoning_test", 103_626, "d34f70eb7228a276fcb3a7854174fe562c5634f4fb454a39fc3d1ad9934be3ef"),
        _babi("qa19_path-finding_train", 247_496, "dcb788352a56effb7bea1449128f31cc9c342c8c327b6df2caeee0e379e6ad3a"),
        _babi("qa19_path-finding_test", 247_449, "023e391f0d7f79c9e6ae1c46c093e2d0dbd50ab8fbd8965e037a75e3614c20e5"),
        DataFile(
            "qm9/qm9_bonds_derived.jsonl.gz",
            353_760,
            "30c4b311140995d63704c61bce4d84816b66e37ed26851006fcef34f01f603bb",
        ),
        DataFile(
            "qm9/qm9_targets_130831.csv.gz",
            7_992_939,
            "30dcadf72d9672283eb35f2dbc4983561fd1a3953bfdbe1fdfe65a99bbb32bf6",
        ),
    )
}
