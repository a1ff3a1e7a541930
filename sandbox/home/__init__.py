"""The home folder of a desktop: `populate` fills it from `template/`, `wallpaper`
draws its background, and `files` puts files there and takes them out.
"""
