import random
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

font_file = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans-Bold.ttf"
symbols = {"club": "♣", "diamond": "♦", "heart": "♥", "note": "♪", "spade": "♠", "star": "★"}
rng = random.Random(0)
for name, symbol in symbols.items():
    folder = Path("symbols") / name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(300):
        picture = Image.new("L", (80, 80), 255)
        font = ImageFont.truetype(str(font_file), rng.randint(60, 88))
        place = (40 + rng.randint(-5, 5), 40 + rng.randint(-5, 5))
        ImageDraw.Draw(picture).text(place, symbol, fill=rng.randint(0, 60), font=font, anchor="mm")
        picture.rotate(rng.uniform(-25, 25), Image.Resampling.BICUBIC, fillcolor=255).save(folder / f"{number:03d}.png")
