"""The metadata at the head of the README.md of a set of images, as the Hugging Face hub reads it."""

import json

from facesmith.terms import licence_fields

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LOADING = {
    "imagefolder": 'import datasets\n\ndatasets.load_dataset("imagefolder", data_dir=".")',
    "classes": (
        "import datasets\nimport torchvision\n\n"
        'torchvision.datasets.ImageFolder(".")  # the classes\n'
        'datasets.load_dataset("imagefolder", data_dir=".")  # all labels'
    ),
    "webdataset": (
        "import glob\n\nimport webdataset\n\n"
        'webdataset.WebDataset(sorted(glob.glob("*.tar")), shardshuffle=False).decode("pil")'
    ),
    "parquet": (
        'import datasets\nimport pandas\n\ndatasets.load_dataset("parquet", data_dir="data")\n'
        'pandas.read_parquet("data")'
    ),
}


def yaml_head(terms: str, count: int, tags: list[str]) -> str:
    """Return the metadata: the licence, or the terms where they are none that the hub knows, the size and the tags."""
    size = next((name for limit, name in SIZES if count < limit), "1M<n<10M")
    fields = {
        **licence_fields(terms),
        "task_categories": ["image-classification"],
        "size_categories": [size],
        "tags": tags,
    }
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in fields.items()), "---", ""])
