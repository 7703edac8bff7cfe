"""Texts of the exercises on the multilayer perceptron."""

from ..texts import Text

TEXTS = {
    "relu": Text(
        title="修正线性单元 ReLU",
        section="3.8",
        task="把数组中的每个负数换成 0，数组可以是任意形状。",
        formula="relu(x) = max(x, 0)",
        template='''
def relu(X):
    """返回与 X 形状相同的数组。"""
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "梯度",
        ),
        hints=(
            "X.max() 是一个数，即所有元素中最大的。这里要的是对每个元素取两个数中较大的一个。",
            "nd.maximum 逐个元素比较，也可以和一个数比较。",
            "nd.maximum(X, 0)",
        ),
        mistakes={
            "absolute": "负数保留了大小，这是绝对值。负数应当变成 0。",
            "smaller": "留下的是负数，去掉的是正数。应当与 0 取最大值。",
            "mask": "X 为正的地方返回的是 1。那里应当返回 X 本身。",
            "at least 1": "这里是与 1 取最大值。应当与 0 取最大值。",
            "leaky": "负数乘上了一个小的斜率，这是 leaky ReLU。负数应当变成 0。",
            "one number": "返回的是数组中最大的数。应当逐个元素比较：nd.maximum。",
        },
        commentary=(
            "在 0 处导数不存在。autograd 对 `maximum` 取 1，Gluon 的 relu 取 0；"
            "只有当偏差从 0 开始、输入也为 0 时，两者才有区别。"
        ),
    ),
    "mlp_forward": Text(
        title="含一个隐藏层的感知机",
        section="3.9",
        task="计算含一个隐藏层的网络的 logits。X 可以是一批图像，先要把它们展平。",
        formula="""H = relu(X W1 + b1)
O = H W2 + b2""",
        template='''
def mlp_forward(X, W1, b1, W2, b2):
    """返回 logits，形状为 (批量大小, 输出个数)。

    X 的形状为 (批量大小, ...)，每个样本有“输入个数”那么多个数；W1 为 (输入个数, 隐藏单元个数)，
    b1 为 (隐藏单元个数,)，W2 为 (隐藏单元个数, 输出个数)，b2 为 (输出个数,)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "图像",
            "梯度",
        ),
        hints=(
            "X.reshape((len(X), -1)) 把每张图像变成一行。",
            "激活函数放在加上第一个偏差之后、第二次相乘之前，别处都不用。",
            "H = nd.maximum(nd.dot(X, W1) + b1, 0); nd.dot(H, W2) + b2",
        ),
        mistakes={
            "no activation": "缺少激活函数，两层就等于一个线性层。",
            "activated output": "对输出也用了 ReLU。logits 可以是负数，请原样返回。",
            "bias after": "b1 是在 ReLU 之后加上的。应当在它之前加上，这样才能移动每个单元的转折点。",
            "no b1": "缺少隐藏层的偏差 b1。",
            "no b2": "缺少输出层的偏差 b2。",
            "sigmoid": "隐藏层用了 sigmoid，应当用 ReLU。",
            "not flattened": "图像没有展平成行。相乘之前：X.reshape((len(X), -1))。",
            "softmax": "返回的是概率。请返回 logits，softmax 由损失函数来做。",
        },
        commentary="没有激活函数的话，这个网络的能力不会超过 softmax 回归：见练习 collapse。",
    ),
    "mlp_backward": Text(
        title="手工推导感知机的梯度",
        section="3.14",
        task=(
            "以 mlp_forward 的 logits 的平均交叉熵为损失，返回它的梯度，不使用 autograd。"
            "书中的习题问到偏差的梯度，这里也一并返回。"
        ),
        formula="""dO = (softmax(O) - onehot(y)) / |B|
dW2 = H' dO,  db2 = dO 各行之和,  dH = dO W2'
dZ = dH（Z > 0 处，其余为 0），其中 Z = X W1 + b1
dW1 = X' dZ,  db1 = dZ 各行之和""",
        template='''
def mlp_backward(X, y, W1, b1, W2, b2):
    """返回 dW1, db1, dW2, db2，形状分别与 W1, b1, W2, b2 相同。

    X 的形状为 (批量大小, 输入个数)；y 为真实类别，形状为 (批量大小,)；其余同 mlp_forward。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "梯度",
            "异或问题上 50 次迭代，每次都一致",
        ),
        hints=(
            "先做正向传播，留下 H，再按相反的顺序逐行往回推。",
            "梯度的形状与参数相同，由此就能确定每次相乘的先后和转置，只有一种写法。",
            "dO = (softmax(O) - nd.one_hot(y, classes)) / len(X); dZ = nd.dot(dO, W2.T) * (H > 0)",
        ),
        mistakes={
            "no mask": "在 ReLU 输出为 0 的地方，梯度也传了过去。请把 dH 乘以 (H > 0)。",
            "at zero": "在 Z 恰好为 0 的地方，梯度也传了过去。按照书中的约定，那里的梯度为 0：用 Z > 0。",
            "no one-hot": "logits 的梯度只有 softmax。请在每个样本的真实类别处减去 1。",
            "sum": "这是损失之和的梯度。平均值的梯度要除以批量大小。",
            "sign": "所有梯度的符号都反了。应当是 softmax(O) 减去 one-hot 向量。",
            "masked output": "logits 的梯度也像 ReLU 那样被置零了，而输出层没有 ReLU。",
            "mean of biases": "偏差的梯度是小批量上的和；除以批量大小这一步，dO 中已经做过了。",
        },
        commentary=(
            "正向传播的每一行，在这里都有一行与之对应，顺序相反。"
            "置零时用 (H > 0) 和用 (Z > 0) 效果相同，因此不必保留 Z。"
        ),
        phrases={"gradient": "梯度"},
    ),
    "collapse": Text(
        title="没有激活函数的两层等于一层",
        section="3.8",
        task=(
            "书中问，没有激活函数的感知机是什么？请给出答案：返回一个线性层的权重和偏差，"
            "使得对任何输入，它的输出都与那两层的输出相同。"
        ),
        formula="X W + b = (X W1 + b1) W2 + b2",
        template='''
def collapse(W1, b1, W2, b2):
    """返回 W 和 b，形状为 (输入个数, 输出个数) 和 (输出个数,)。

    W1 的形状为 (输入个数, 隐藏单元个数)，b1 为 (隐藏单元个数,)，
    W2 为 (隐藏单元个数, 输出个数)，b2 为 (输出个数,)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "大小相同的两层",
            "大小不同的两层",
        ),
        hints=(
            "把公式的右边乘开。",
            "与 X 相乘的是 W，余下的是 b。",
            "W = W1 W2; b = b1 W2 + b2",
        ),
        mistakes={
            "b1 not multiplied": "b1 也要经过第二层：先乘以 W2，再加上 b2。",
            "no b1": "丢掉了第一层的偏差：b = b1 W2 + b2。",
            "no b2": "丢掉了第二层的偏差：b = b1 W2 + b2。",
            "order": "权重相乘的顺序反了。X 先遇到的是 W1：W = W1 W2。",
        },
        commentary=("所以没有激活函数时，加深网络毫无益处，只会使 W 中线性无关的行不超过隐藏单元的个数。"),
    ),
}
