from grader import Kata, Rules, backbone, images

kata = Kata(
    __file__,
    backbone=backbone("feat_ch"),
    x=images,
    rules=Rules(
        sizes={"h": range(6, 12), "w": range(6, 12), "b": (2, 3, 4), "feat_ch": (5, 8)}, single="num_classes"
    ),
)
kata.also("a batch of one", {"b": 1})
kata.also("a map of one position", {"h": 1, "w": 2})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
