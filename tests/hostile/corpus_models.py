"""Hostile models' folders: what asks to run code, leads out of its folder, or claims more than there is."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

from hostile.corpus import CODE, SMALL, TRAIN, Artefact, Pickled, edited, model, recipe, rows, safetensors

GPT4 = r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+"
EVIL = pickle.dumps(Pickled())
JINJA = ("{{ ''.__class__.__mro__[1].__subclasses__() }}{{ cycler.__init__.__globals__.os.system('touch canary-was-here') }}"
         "{% for i in range(10**12) %}{{ i }}{% endfor %}")


def config(name: str, says: str, codes: tuple[int, ...] = (2,), rest: str = SMALL, **keys: Any) -> Artefact:
    return Artefact(name, lambda here, base: model(here, base, rest=rest, **keys), TRAIN, says, codes)


def files(name: str, says: str, content: dict[str, bytes | str | None], codes: tuple[int, ...] = (2,)) -> Artefact:
    return Artefact(name, lambda here, base: model(here, base, content), TRAIN, says, codes)


def tokenizer(name: str, says: str, codes: tuple[int, ...] = (2,), **keys: Any) -> Artefact:
    return Artefact(name, lambda here, base: edited(model(here, base), "tokenizer_config.json", **keys), TRAIN, says, codes)


def split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def regex(pattern: str, text: str) -> Any:
    def make(here: Path, base: Path) -> None:
        edited(model(here, base), "tokenizer.json", pre_tokenizer={"type": "Sequence", "pretokenizers": [split(pattern)]})
        rows(here, text)
    return make


def link(name: str, target: str) -> Any:
    def make(here: Path, base: Path) -> None:
        folder = model(here, base)
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    return make


def pipe(name: str) -> Any:
    def make(here: Path, base: Path) -> None:
        folder = model(here, base)
        (folder / name).unlink()
        os.mkfifo(folder / name)
    return make


def index(where: str) -> dict[str, bytes | str | None]:
    return {"model.safetensors": None, "model.safetensors.index.json": json.dumps({"weight_map": {"a": where}})}


def poisoned(value: float) -> Any:
    def make(here: Path, base: Path) -> None:
        import numpy as np
        from safetensors.numpy import load_file, save_file

        folder = model(here, base)
        tensors = load_file(folder / "model.safetensors")
        save_file({name: np.full_like(tensor, value) for name, tensor in tensors.items()}, folder / "model.safetensors",
                  metadata={"format": "pt"})
    return make


def twice(here: Path, base: Path) -> None:
    """The second of two equal keys is the one that Python's JSON keeps; another reader may keep the first."""
    folder = model(here, base)
    text = (folder / "config.json").read_text()
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "canary.X"}, "auto_map": null, ' + text.strip()[1:])


def escaped(here: Path, said: str) -> None:
    """No page or card holds markup of a label."""
    for page in (*here.glob("runs/*/report*.html"), *here.glob("runs/*/model/README.md")):
        assert "<img" not in page.read_text(encoding="utf-8"), page


def labels(here: Path, base: Path) -> None:
    model(here, base, id2label={"0": "<img src=x onerror=canary()>", "1": "</script><script>canary()"})
    text = (here / "rows.csv").read_text().replace(",good", ",<img src=x onerror=canary()>").replace(",bad", ",</script><script>canary()")
    (here / "rows.csv").write_text(text)


def one_tensor(dtype: str, shape: list[int], offsets: list[int]) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def picture_model(here: Path, base: Path) -> None:
    model(here, base, {"preprocessor_config.json": json.dumps({"auto_map": {"AutoImageProcessor": "canary.X"}}), "canary.py": CODE},
          model_type="resnet")
    recipe(here, train="builtin:digits", task="image-classification")


MODELS = [
    config("auto_map", "auto_map", auto_map={"AutoModelForSequenceClassification": "canary.X", "AutoConfig": "canary.Y"}),
    config("auto_map from elsewhere", "auto_map", auto_map={"AutoConfig": "org/canary--x.Y"}),
    config("auto_map of a part", "auto_map", text_config={"auto_map": {"AutoModel": "canary.X"}}),
    config("auto_map in a list", "auto_map", layers=[{"auto_map": {"AutoModel": "canary.X"}}]),
    config("_attn_implementation_internal", "_attn_implementation_internal", _attn_implementation_internal="org/kernel"),
    config("a kernel from elsewhere", "attn_implementation", attn_implementation="org/kernel"),
    config("_name_or_path", "", (0,), _name_or_path="org/canary"),
    config("trust_remote_code", "trust_remote_code", trust_remote_code=True),
    config("custom_pipelines", "custom_pipelines", custom_pipelines={"x": {"impl": "canary.X", "pt": ["AutoModel"]}}),
    config("a quantizer", "quantization_config", quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}),
    config("a type that is a path", "", model_type="../canary"),
    config("a type of no text", "damaged", model_type=["bert"]),
    config("architectures by a path", "", (0,), architectures=["os.system"]),
    config("dtype that is code", "", (0, 2), dtype="os.system"),
    config("hidden_size 10**9", "", hidden_size=10**9, num_attention_heads=1),
    config("vocab_size 10**12", "", vocab_size=10**12),
    config("10**7 layers", "", num_hidden_layers=10**7),
    config("layers below none", "", (0, 2), num_hidden_layers=-5),
    config("heads of text", "", num_attention_heads="two"),
    config("no heads", "", num_attention_heads=0),
    config("an activation that is code", "", hidden_act="__import__('os').system('touch canary-was-here')"),
    config("places below none", "", max_position_embeddings=-3),
    config("places of text", "", max_position_embeddings="512"),
    config("a label's number is text", "", (0, 2), id2label={"x": "y"}, label2id={"y": "x"}),
    files("config of 100,000 levels", "damaged", {"config.json": "[" * 100_000}),
    files("config of 50,000 objects in each other", "damaged", {"config.json": '{"a":' * 50_000 + "1" + "}" * 50_000}),
    files("config of 900 objects in each other", "", {"config.json": '{"model_type": "bert", "a":' * 900 + "1" + "}" * 900}),
    files("a number of 10**6 digits", "damaged", {"config.json": '{"model_type": "bert", "hidden_size": ' + "9" * 10**6 + "}"}),
    files("config of 200 MB", "", {"config.json": '{"model_type": "bert", "x": "' + "x" * (200 << 20) + '"}'}),
    files("config of NaN", "", {"config.json": '{"model_type": "bert", "hidden_size": NaN}'}),
    Artefact("auto_map twice", twice, TRAIN, "auto_map"),
    files("only a pickle", "a pickle", {"model.safetensors": None, "pytorch_model.bin": EVIL}),
    files("a pickle beside the weights", "", {"pytorch_model.bin": EVIL, "training_args.bin": EVIL, "optimizer.pt": EVIL}, (0,)),
    files("a pickle called model.safetensors", "damaged", {"model.safetensors": EVIL}),
    files("an empty model.safetensors", "damaged", {"model.safetensors": b""}),
    files("a header of 2**63 bytes", "damaged", {"model.safetensors": safetensors({}, length=2**63)}),
    files("a header of 4 GB", "damaged", {"model.safetensors": safetensors({}, length=2**32)}),
    files("a header of many levels", "damaged", {"model.safetensors": safetensors(b'{"a":' * 100_000)}),
    files("tensors that overlap", "damaged", {"model.safetensors": safetensors({"a": one_tensor("F32", [4], [0, 16]),
                                                                               "b": one_tensor("F32", [4], [8, 24])}, bytes(24))}),
    files("a tensor of no such kind", "damaged", {"model.safetensors": safetensors({"a": one_tensor("PICKLE", [4], [0, 16])}, bytes(16))}),
    files("a tensor whose size overflows", "damaged", {"model.safetensors": safetensors({"a": one_tensor("F32", [2**62, 2**62], [0, 16])},
                                                                                       bytes(16))}),
    files("a tensor past the end", "damaged", {"model.safetensors": safetensors({"a": one_tensor("F32", [4], [2**40, 2**40 + 16])},
                                                                                bytes(16))}),
    files("one tensor of another model", "", {"model.safetensors": safetensors({"__metadata__": {"format": "pt"},
                                                                                    "a": one_tensor("F32", [4], [0, 16])}, bytes(16))}),
    Artefact("weights of NaN", poisoned(float("nan")), TRAIN, "", (2, 4)),
    Artefact("weights of Inf", poisoned(float("inf")), TRAIN, "", (2, 4)),
    files("an index that points up", "outside its folder", index("../x.safetensors")),
    files("an index that points away", "outside its folder", index("/etc/passwd")),
    files("an index of a pickle", "outside its folder", {**index("x.bin"), "x.bin": EVIL}),
    files("an index of a NUL", "", index("a\0.safetensors")),
    Artefact("weights that are a link out", link("model.safetensors", "/etc/passwd"), TRAIN, "a link that leaves its folder"),
    Artefact("weights that are a link to themselves", link("model.safetensors", "model.safetensors"), TRAIN, "link"),
    Artefact("config that is /dev/zero", link("config.json", "/dev/zero"), TRAIN, ""),
    Artefact("tokenizer that is /dev/zero", link("tokenizer.json", "/dev/zero"), TRAIN, "a link that leaves its folder"),
    Artefact("a folder that is a link out", link("assets", "/etc"), TRAIN, "a link that leaves its folder"),
    Artefact("config that is a pipe", pipe("config.json"), TRAIN, ""),
    Artefact("tokenizer that is a pipe", pipe("tokenizer.json"), TRAIN, ""),
    Artefact("weights that are a pipe", pipe("model.safetensors"), TRAIN, ""),
    tokenizer("a tokenizer of its own code", "auto_map", auto_map={"AutoTokenizer": ["canary.X", None]}),
    tokenizer("a tokenizer class that nobody knows", "", (0, 2), tokenizer_class="CanaryTokenizer"),
    tokenizer("a tokenizer class that is a path", "", (0, 2), tokenizer_class="os.system"),
    tokenizer("a tokenizer of 10**30 tokens", "", (0, 2), model_max_length=10**30),
    tokenizer("a tokenizer of no tokens", "", (0, 2), model_max_length=-1),
    tokenizer("a tokenizer of NaN tokens", "", (0, 2), model_max_length=float("nan")),
    tokenizer("a template that leaves its sandbox", "", (0,), chat_template=JINJA + "canary"),
    files("chat_template.jinja", "", {"chat_template.jinja": JINJA + "canary"}, (0,)),
    Artefact("a regular expression without end", regex("(a+)+$", "a" * 40 + "b{i}"), TRAIN, "regular expression"),
    Artefact("another without end", regex("^(a|a)*$", "a" * 40 + "b{i}"), TRAIN, "regular expression"),
    Artefact("another by repeats", regex("(?:a{1,50}){1,50}{1,50}c", "a" * 60 + "b{i}"), TRAIN, "regular expression"),
    Artefact("a regular expression as GPT-4 has it", regex(GPT4, "words {i}"), TRAIN, "", (0,)),
    files("tokenizer.json is a pickle", "", {"tokenizer.json": EVIL}),
    files("tokenizer.json of many levels", "", {"tokenizer.json": "[" * 200_000}),
    files("a script beside it", "", {"tokenization_bert.py": CODE, "modeling_bert.py": CODE, "__init__.py": CODE, "canary.py": CODE}, (0,)),
    files("an adapter beside it", "", {"adapter_config.json": json.dumps({"base_model_name_or_path": "org/canary", "peft_type": "LORA"})},
          (0, 2)),
    files("a generation of its own", "", {"generation_config.json": json.dumps({"auto_map": {"x": "canary.X"}}),
                                          "custom_generate/generate.py": CODE}, (0, 2)),
    Artefact("labels that are markup", labels, TRAIN, "", (0,), check=escaped),
    Artefact("a picture processor of its own code", picture_model, TRAIN, "auto_map"),
]
