"""Texts of the exercises on softmax regression."""

from ..texts import Text

TEXTS = {
    "largest_logit": Text(
        title="exp 不溢出的最大输入",
        section="3.6",
        task=(
            "书中问，直接按定义计算 softmax 会有什么问题？请对半精度、单精度、双精度这三种浮点数，"
            "分别找出指数函数的值仍然有限的最大整数。"
        ),
        formula="使 exp(x) < infinity 的最大的 x",
        template='''
def largest_logit(dtype):
    """返回一个整数；dtype 为 "float16"、"float32" 或 "float64"。"""
    raise NotImplementedError
''',
        steps=(
            "float32",
            "还有 float64 和 float16",
        ),
        hints=(
            "试一试 np.exp(np.array(50, dtype=dtype))，再换更大的数。",
            "np.finfo(dtype).max 是这种浮点数能表示的最大的数。",
            "从 0 往上数，只要 np.isfinite(np.exp(np.array(x + 1, dtype=dtype))) 成立就继续。",
        ),
        mistakes={
            "one more": "这是第一个使指数函数溢出的整数。应当返回它前面的那个整数。",
            "one type": "无论哪种浮点数，返回的都是 float32 的答案。函数是否用到了它的参数？",
            "Python's": "这是 Python 自己的浮点数即 float64 的答案。请用指定的浮点数类型来计算。",
            "the number": "这是该类型能表示的最大的数，也就是 exp 能达到的上限。要返回的是达到它的 x。",
        },
        commentary=(
            "单精度的答案是 88：学习率较大时，训练初期 softmax 的输入很容易达到这么大。"
            "半精度的答案只有 11，因此使用半精度时，softmax 也要用单精度计算。"
        ),
    ),
    "softmax": Text(
        title="不会溢出的 softmax",
        section="3.4",
        task=(
            "把 logits（softmax 的输入）的每一行变成概率。"
            "无论 logits 有多大，都要能够计算，并且能用 autograd 求梯度。"
        ),
        formula="softmax(x)_i = exp(x_i) / sum_j exp(x_j)",
        template='''
def softmax(X):
    """返回概率，形状为 (批量大小, 类别数)，每一行的和为 1；logits X 的形状与它相同。"""
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "1000 左右的 logits",
            "梯度",
        ),
        hints=(
            "每一行有自己的和：axis=1；keepdims=True 使它仍是一列，可以广播。",
            "给一行中所有的 logits 加上同一个数，结果不变。加上哪个数，能使 exp 不会太大？",
            "先减去 X.max(axis=1, keepdims=True)，再取 exp，然后除以这一行的和。",
        ),
        mistakes={
            "overflow": (
                "logits 很大时 exp 会溢出，而 inf / inf 是 nan。"
                "取 exp 之前先减去每一行中最大的 logit，结果不变。"
            ),
            "axis": "这里是对样本（轴 0）求和，所以每一列的和为 1。应当对类别（轴 1）求和。",
            "no keepdims": (
                "求和时缺少 keepdims=True：得到的和是一行 (批量大小,)，"
                "而要与 X 的各行对齐，应当是一列 (批量大小, 1)。"
            ),
            "everything": "除以的是整个数组的和。每一行应当除以自己的和：axis=1, keepdims=True。",
            "one max": ("减去的是整个数组的最大值，远小于它的行会下溢成 0 / 0。应当减去每一行自己的最大值。"),
            "not divided": "指数没有除以它们的和。",
            "log": "这是 softmax 的对数。请返回概率。",
            "clipped": "logits 在某个界限处被截断，更大的 logits 的概率就变了。请改为减去每一行的最大值。",
        },
        commentary=(
            "减去最大值之后，最大的一项是 exp(0) = 1：既不会溢出，和也至少是 1。下溢为 0 的项小到可以忽略。"
        ),
    ),
    "cross_entropy": Text(
        title="每个样本的交叉熵",
        section="3.4",
        task="返回每个样本给真实类别的概率的负对数。",
        formula="l_i = -log y_hat[i, y_i]",
        template='''
def cross_entropy(y_hat, y):
    """返回损失，形状为 (批量大小,)。

    概率 y_hat 的形状为 (批量大小, 类别数)，真实类别 y 的形状为 (批量大小,)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "非常小的概率",
            "梯度",
        ),
        hints=(
            "每一行只用到一个数，即真实类别的概率。",
            "nd.pick(y_hat, y) 从每一行中取出 y 所指的元素。",
            "-nd.pick(y_hat, y).log()",
        ),
        mistakes={
            "sign": "缺少负号：概率的对数是负的，而损失不是。",
            "no log": "没有取对数。",
            "mean": "返回的是小批量上的平均值。请为每个样本返回一个损失。",
            "column": "返回的是一列 (批量大小, 1)。损失应当只有一个轴，形状为 (批量大小,)。",
            "all classes": "这里对所有类别求了和。每个样本只用到真实类别的概率，见 nd.pick。",
            "every example": ("y_hat[:, y] 从每一行中都取出了所有样本的类别。每一行应当只取一个：nd.pick。"),
            "base 2": "这是以 2 为底的对数。应当取自然对数。",
        },
        commentary=(
            "pick 从每一行只读一个数；如果与 one-hot 向量相乘，就要读出所有的数，"
            "其中的 0 * log(0) 还会得到 nan。"
        ),
    ),
    "logits_loss": Text(
        title="直接由 logits 计算交叉熵",
        section="3.7",
        task=(
            "书中问，为什么 Gluon 要用同一个函数计算 softmax 和交叉熵？请直接由 logits 计算损失，"
            "使得真实类别的概率小到任何浮点数都无法表示时，损失仍然是有限的。"
        ),
        formula="l_i = log sum_j exp(o_ij) - o[i, y_i]",
        template='''
def logits_loss(logits, y):
    """返回损失，形状为 (批量大小,)。

    logits 的形状为 (批量大小, 类别数)，真实类别 y 的形状为 (批量大小,)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "1000 左右的 logits",
            "梯度",
        ),
        hints=(
            "把 log(softmax(o)) 写成两项之差，对数和指数就抵消了。",
            "log-sum-exp 需要和 softmax 一样的平移：先减去每一行中最大的 logit。",
            "s = o - o.max(axis=1, keepdims=True)，损失为 s.exp().sum(axis=1).log() - s.pick(y)",
        ),
        mistakes={
            "log of zero": (
                "真实类别的概率舍入成了 0，它的对数是无穷大。不要算出概率："
                "取指数之和的对数，再减去真实类别的 logit。"
            ),
            "overflow": "exp 溢出了。请先减去每一行中最大的 logit。",
            "half shifted": "求和的 logits 减去了最大值，真实类别的 logit 却没有减。两者都要减。",
            "sign": "符号反了：损失是和的对数减去真实类别的 logit。",
            "mean": "返回的是小批量上的平均值。请为每个样本返回一个损失。",
            "no softmax": "只有真实类别的 logit，缺少指数之和的对数。",
        },
        commentary=(
            "即使 softmax 舍入成了 0，这样计算的损失仍然准确，它的梯度，即 softmax 减去 one-hot 向量，"
            "也仍然有用：网络即使非常确信地判错了，也还能改正过来。"
        ),
    ),
    "accuracy": Text(
        title="预测正确的比例",
        section="3.6",
        task="返回真实类别得分最高的样本所占的比例，结果是一个数。",
        formula="mean_i [argmax_j y_hat_ij = y_i]",
        template='''
def accuracy(y_hat, y):
    """返回 0 到 1 之间的一个数。

    得分 y_hat 的形状为 (批量大小, 类别数)，真实类别 y 的形状为 (批量大小,)。
    """
    raise NotImplementedError
''',
        steps=(
            "类别数与样本数相同",
            "其他形状的小批量",
        ),
        hints=(
            "argmax 给出最大元素的位置。类别在哪个轴上？",
            "比较两个数组，相等处得到 1，其余为 0。",
            "(y_hat.argmax(axis=1) == y).mean().asscalar()",
        ),
        mistakes={
            "axis": "argmax 是在样本之间取的。类别在轴 1 上。",
            "count": "这是预测正确的个数。请除以样本数。",
            "errors": "这是预测错误的比例。",
            "smallest": "取的是得分最低的类别。请使用 argmax。",
            "classes": "预测正确的个数除以了类别数，而不是样本数。",
        },
        commentary="softmax 不改变大小顺序，因此用 logits 和用概率得到的结果一样。",
    ),
    "evaluate": Text(
        title="多个小批量上的准确率",
        section="3.6",
        task="返回网络在所有小批量上的准确率。各个小批量的大小不必相同。",
        formula="所有小批量中预测正确的个数 / 所有小批量中的样本数",
        template='''
def evaluate(net, data_iter):
    """返回 0 到 1 之间的一个数。

    data_iter 产出 (X, y)，net(X) 返回得分，形状为 (批量大小, 类别数)。
    """
    raise NotImplementedError
''',
        steps=(
            "一个小批量",
            "几个大小相同的小批量",
            "最后一个小批量较小",
        ),
        hints=(
            "循环时记住两个数。",
            "小的小批量不能和大的算得一样重：先计数，最后再相除。",
            "correct += (net(X).argmax(axis=1) == y).sum().asscalar(); examples += len(y)",
        ),
        mistakes={
            "mean of means": (
                "对各个小批量的准确率求平均，会使最后那个较小的小批量和其他的权重相同。"
                "请把预测正确的个数和样本数分别累加，最后相除一次。"
            ),
            "first batch": "只算了第一个小批量。`return` 是不是写在了循环里？",
            "last batch": "只算了最后一个小批量。请把各个小批量累加起来。",
            "count": "这是预测正确的个数。请除以样本数。",
            "sum of means": "这里把各个小批量的准确率相加了。请在最后用预测正确的个数除以样本数。",
        },
        commentary=(
            "测试集有 10,000 张图像，批量大小为 256 时，最后一个小批量只有 16 张。"
            "如果对各小批量的准确率求平均，其中每张图像的权重会是其他图像的 16 倍。"
        ),
        phrases={"call": "小批量大小依次为 {sizes} 时的 evaluate(net, data_iter)"},
    ),
}
