"""The styles of the built-in faces: their shapes and colours, and the attributes of each shape.

Shapes whose labels would be doubtful are left out, such as hair in two tones, a grimace, or head coverings that CelebA
has no name for. Names of shapes are DiceBear's. Names of attributes are CelebA's, with CelebA's meaning: ``No_Beard``
is no hair on the face at all, sunglasses are ``Eyeglasses``, and hair under a hat has no colour.
"""

from dataclasses import dataclass

BACKGROUNDS = (
    "b6e3f4",
    "c0aede",
    "d1d4f9",
    "ffd5dc",
    "ffdfbf",
    "c7ecd5",
    "f6e7a8",
    "a9c9e8",
    "e3c8b0",
    "9fb8ad",
    "8fa6cb",
    "d8d8d8",
)
CLOTHES = (
    "262e33",
    "5199e4",
    "25557c",
    "929598",
    "3c4f5c",
    "a7ffc4",
    "ff488e",
    "ff5c5c",
    "ffffff",
    "6dbb58",
    "7555ca",
    "f3b63a",
)
HATS = ("262e33", "5199e4", "25557c", "929598", "ff488e", "ff5c5c", "6dbb58", "7555ca", "f3b63a", "8a3b3b")
FRAMES = ("262e33", "3c4f5c", "25557c", "5a2d1a", "8a3b3b")
HAIRS = {
    "Black_Hair": ("1b1412", "241a17"),
    "Brown_Hair": ("6b3f2a", "7d4f33", "8a5a3c", "5e3824"),
    "Blond_Hair": ("e6c57a", "dcb55c", "f0d896"),
    "Gray_Hair": ("b9bbc2", "a4a6ad", "d2d3d8"),
    "": ("c4431c", "d9662f"),  # red hair is not an attribute of CelebA
}


@dataclass(frozen=True)
class Style:
    """A drawing style. Each dict maps DiceBear's name of a shape to the attributes of a face with it."""

    colors: dict[str, str]  # the parts that are coloured, and the style's own names for them
    top: str  # the component with hair and hats
    skins: tuple[str, ...]
    pale: str
    short: dict[str, tuple[str, ...]]
    long: dict[str, tuple[str, ...]]
    hats: tuple[str, ...]
    bald: str | None  # the shape of a bald head, or None if a bald head has no shape
    mouths: dict[str, tuple[str, ...]]
    glasses: tuple[str, tuple[str, ...]]  # the component with glasses, and its shapes
    beards: dict[str, tuple[str, ...]]
    unlabelled: dict[str, tuple[str, ...]]  # components without attributes
    scale: float
    down: float  # percent of the image


AVATAAARS = Style(
    colors={
        "skin": "skin",
        "hair": "hair",
        "beard": "facialHair",
        "clothes": "clothes",
        "hat": "hat",
        "frame": "accessories",
    },
    top="top",
    skins=("edb98a", "e0a878", "d08b5b", "ae5d29", "8d5534", "614335"),
    pale="ffe3cf",
    short={
        "bun": ("Straight_Hair",),
        "dreads01": (),
        "shaggy": ("Wavy_Hair",),
        "shortCurly": ("Wavy_Hair",),
        "shortFlat": ("Straight_Hair",),
        "shortRound": ("Straight_Hair",),
        "shortWaved": ("Wavy_Hair",),
        "theCaesar": ("Straight_Hair",),
        "theCaesarAndSidePart": ("Straight_Hair",),
    },
    long={
        "bob": ("Straight_Hair",),
        "curly": ("Wavy_Hair",),
        "curvy": ("Bangs", "Wavy_Hair"),
        "dreads": (),
        "dreads02": (),
        "fro": (),
        "froBand": (),
        "miaWallace": ("Bangs", "Straight_Hair"),
        "shaggyMullet": ("Wavy_Hair",),
        "straight01": ("Straight_Hair",),
        "straight02": ("Straight_Hair",),
        "straightAndStrand": ("Straight_Hair",),
    },
    hats=("hat", "winterHat02", "winterHat03", "winterHat04", "winterHat1"),
    bald=None,
    mouths={
        "default": ("Mouth_Slightly_Open", "Smiling"),
        "smile": ("Mouth_Slightly_Open", "Smiling"),
        "tongue": ("Mouth_Slightly_Open", "Smiling"),
        "twinkle": ("Smiling",),
        "serious": (),
        "sad": (),
        "concerned": ("Mouth_Slightly_Open",),
        "screamOpen": ("Mouth_Slightly_Open",),
    },
    glasses=("accessories", ("prescription01", "prescription02", "round", "sunglasses", "wayfarers", "kurt")),
    beards={
        "beardLight": ("Mustache",),
        "beardMajestic": ("Mustache",),
        "beardMedium": ("Mustache",),
        "moustacheFancy": ("Mustache",),
        "moustacheMagnum": ("Mustache",),
    },
    unlabelled={
        "eyebrows": (
            "default",
            "defaultNatural",
            "flatNatural",
            "raisedExcited",
            "raisedExcitedNatural",
            "upDownNatural",
        ),
        "clothes": (
            "blazerAndShirt",
            "blazerAndSweater",
            "collarAndSweater",
            "hoodie",
            "overall",
            "shirtCrewNeck",
            "shirtScoopNeck",
            "shirtVNeck",
        ),
        "eyes": ("default", "default", "happy", "side", "squint", "surprised", "closed", "wink"),
        "nose": ("default",),
    },
    scale=1.35,
    down=9,
)

PERSONAS = Style(
    colors={"skin": "skin", "hair": "hair", "beard": "facialHair", "clothes": "clothing"},
    top="hair",
    skins=("eeb4a4", "e5a07e", "d78774", "b16a5b", "92594b", "623d36"),
    pale="f7d9cd",
    short={
        "fade": (),
        "shortCombover": ("Straight_Hair",),
        "shortComboverChops": ("Sideburns", "Straight_Hair"),
        "straightBun": ("Straight_Hair",),
        "curlyBun": (),
    },
    long={
        "bobBangs": ("Bangs", "Straight_Hair"),
        "bobCut": ("Straight_Hair",),
        "extraLong": ("Straight_Hair",),
        "long": ("Straight_Hair",),
        "pigtails": ("Straight_Hair",),
        "sideShave": ("Straight_Hair",),
    },
    hats=("beanie", "cap"),
    bald="bald",
    mouths={
        "bigSmile": ("Mouth_Slightly_Open", "Smiling"),
        "smile": ("Smiling",),
        "frown": (),
        "lips": ("Wearing_Lipstick",),
        "surprise": ("Mouth_Slightly_Open",),
    },
    glasses=("eyes", ("glasses", "sunglasses")),
    beards={
        "goatee": ("Goatee", "Mustache"),
        "pyramid": ("Mustache",),
        "walrus": ("Mustache",),
        "shadow": ("5_o_Clock_Shadow",),
    },
    unlabelled={
        "eyes": ("open", "open", "happy", "sleep", "wink"),
        "nose": ("mediumRound", "smallRound", "wrinkles"),
        "clothes": ("checkered", "rounded", "small", "squared"),
    },
    scale=1.35,
    down=7,
)

STYLES = {"avataaars": AVATAAARS, "personas": PERSONAS}


def style_attributes(style: Style) -> list[str]:
    """Return the attributes with which a style's faces are labelled, in alphabetical order like CelebA's."""
    shapes = (style.short, style.long, style.mouths, style.beards)
    shape_names = {name for shape in shapes for names in shape.values() for name in names}
    common_names = {"Bald", "Eyeglasses", "No_Beard", "Pale_Skin", "Wearing_Hat", *filter(None, HAIRS)}
    return sorted(shape_names | common_names, key=str.lower)
