import torch

from grader import Kata, Rules, assert_close, backbone, images, labels, logits

kata = Kata(
    __file__,
    backbone=backbone("feat_ch"),
    x=images,
    outputs=logits,
    targets=labels("num_classes"),
    rules=Rules(
        sizes={"h": range(6, 12), "w": range(6, 12), "b": (2, 3, 4), "feat_ch": (5, 8)},
        single="num_classes",
        gradients_of="x outputs",
    ),
)
kata.also("a batch of one", {"b": 1})
kata.also("a map of one position", {"h": 1, "w": 2})

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
test_training = kata.trains(
    "ImageClassifier",
    "classification_loss",
    sizes={"b": 4, "feat_ch": 8, "num_classes": 3, "h": 6, "w": 7},
    steps=20,
    lr=0.05,
)


@kata.check(times=1)
def test_fresh(ImageClassifier, backbone, feat_ch, num_classes, x):
    """A model that has just been made trains as a whole: train() changes nothing."""
    model = ImageClassifier(backbone, feat_ch, num_classes).double()
    before = model(x)
    told = "The backbone of a new model is not in training mode, as the model is."
    assert_close(before, model.train()(x), told)


@kata.check(times=2, regime="large")
def test_large_logits(classification_loss, outputs, targets, num_classes, b):
    """With logits in the hundreds the gradient is still softmax minus one-hot, over the batch."""
    outputs.requires_grad_(True)
    classification_loss(outputs, targets).backward()
    hot = torch.nn.functional.one_hot(targets, num_classes)
    wanted = (outputs.detach().softmax(dim=-1) - hot) / b
    assert_close(outputs.grad, wanted, "The gradient of large logits is wrong.")
