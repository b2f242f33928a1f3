"""How poorly a face may be seen and still be judged.

The limits of size, light and sharpness are where about half of the known faces are still named. 250 faces of 125
people of LFW were made smaller, blurred, darker and brighter, step by step, and looked for in galleries of ten people
with three pictures each, as they were, at an FPIR of 1 %: of the faces as they were 99 % are named. None of all 6,055
faces is refused by these limits, and two by those of pose.
"""

#: Pixels of the photo; shorter side of a face's box. Of faces of 40, 22, 18 and 15 pixels 98, 88, 65 and 47 % are
#: named.
MIN_SIDE = 16.0
#: Share of the contrast, see ``preprocessor.quality``; its median is 0.63. Of faces out of focus, moved or enlarged
#: that have 0.46–0.5, 0.36–0.38, 0.34–0.36 and 0.28–0.3 are 86, 53, 43 and 30 % named, and strangers of the last two
#: 3.5 and 4.2 times as often as asked for.
MIN_SHARPNESS = 0.36
#: Mean luminance, 0 to 255. Of faces darkened to 12–14, 9–10 and 6–7 are 79, 56 and 28 % named, with a camera's noise
#: 76, 46 and 17 %; of those overexposed to 210–220, 235–240 and 243–246 are 79, 65 and 38 %. Neither is a matter of
#: skin: none of the 6,055 faces is darker than 48 or brighter than 199.
MIN_BRIGHTNESS, MAX_BRIGHTNESS = 9.0, 240.0
#: Degrees to either side, and upwards. Only the faces as they are can tell: in a gallery of 100 people 98 % of those
#: within 30 degrees are named, and three of the five that are turned by 46 to 51.
MAX_YAW, MAX_PITCH = 50.0, 35.0
#: Faces of one photo that are judged, the largest ones, as many as other services look at; a crowd's others are
#: answered without a name.
MAX_FACES = 100
