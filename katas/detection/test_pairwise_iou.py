from grader import Kata, Rules, boxes, one_of

kata = Kata(
    __file__,
    fmt=one_of("xyxy", "cxcywh"),
    a=boxes,
    b=boxes,
    rules=Rules(pictures={"a": "fmt", "b": "fmt"}, empty="n m", single="*", devices=True),
)

test_contract = kata.contract()
test_values = kata.values()
test_gradients = kata.gradients()
