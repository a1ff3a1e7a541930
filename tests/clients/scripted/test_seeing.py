from PIL import Image, ImageDraw

from gloveport.clients.scripted.picture_search import middle, patches, sheet


def test_patches_of_a_colour_are_found_in_reading_order() -> None:
    image = Image.new("RGB", (400, 300), "#f5f5f5")
    draw = ImageDraw.Draw(image)
    for box in ((200, 100, 279, 131), (20, 102, 99, 133), (20, 20, 99, 51)):
        draw.rectangle(box, "#ff6a00")
    draw.rectangle((300, 200, 380, 240), "#1462d8")
    found = patches(image, "#ff6a00")
    assert [middle(box) for box in found] == [(60, 36), (60, 120), (240, 116)]


def test_specks_are_no_patches() -> None:
    image = Image.new("RGB", (400, 300), "#f5f5f5")
    ImageDraw.Draw(image).rectangle((20, 20, 27, 27), "#ff6a00")
    assert patches(image, "#ff6a00") == []


def test_a_sheet_holds_all_pictures() -> None:
    shown = [(f"第 {n} 步", Image.new("RGB", (1280, 800), "#224466")) for n in range(4)]
    assert sheet(shown).size == (3 * 488 + 8, 2 * 334 + 8)
