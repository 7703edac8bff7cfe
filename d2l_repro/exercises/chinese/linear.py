"""Texts of the exercises on linear regression."""

from ..texts import Text

TEXTS = {
    "linreg": Text(
        title="线性回归的模型",
        section="3.1",
        task="为每个样本预测一个数：把它的特征加权求和，再加上偏差。",
        formula="y_hat = X w + b",
        template='''
def linreg(X, w, b):
    """返回预测值，形状为 (批量大小, 1)。

    X 为特征，形状为 (批量大小, 输入个数)；权重 w 的形状为 (输入个数, 1)，偏差 b 的形状为 (1,)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "关于 w 和 b 的梯度",
        ),
        hints=(
            "所有样本的预测值是一次算出的：X 是一个矩阵，每一行是一个样本。",
            "nd.dot 做矩阵乘法。形状为 (批量大小, 输入个数) 的 X 和 (输入个数, 1) 的 w，哪一个应该在前？",
            "nd.dot(X, w) 的形状为 (批量大小, 1)，加上 b 时，b 会广播到每一行。",
        ),
        mistakes={
            "no bias": "没有加上偏差：每个预测值都少了 b。",
            "flat": "返回的数组只有一个轴，形状为 (批量大小,)。请保留 nd.dot 的结果，即一列 (批量大小, 1)。",
            "row": "这里计算的是 w' X'，得到的是一行。应当用 X 乘以 w，X 在前，得到一列。",
            "minus": "偏差应该加上，这里却减去了。",
            "no sum": "X * w' 只给每个特征乘上了权重，没有对特征求和。请使用 nd.dot。",
        },
        commentary=(
            "一次矩阵乘法就算出了整个小批量；对样本逐个循环，用时会是它的几百倍。"
            "结果保留为一列 (批量大小, 1)，因为有多个输出的网络就有多列。"
        ),
    ),
    "squared_loss": Text(
        title="每个样本的平方损失",
        section="3.1",
        task=(
            "返回每个样本的误差的平方的一半。预测值是一列，标签只有一个轴：想一想它们相减会得到什么。"
            "书中问，不用 `reshape` 会怎样？第 1 步的检查给出答案。"
        ),
        formula="l_i = (y_hat_i - y_i)^2 / 2",
        template='''
def squared_loss(y_hat, y):
    """返回损失，形状为 (批量大小, 1)。

    预测值 y_hat 的形状为 (批量大小, 1)，标签 y 的形状为 (批量大小,)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "关于预测值的梯度",
        ),
        hints=(
            "取 5 个样本，打印 (y_hat - y).shape。和你预想的一样吗？",
            "(5, 1) 和 (5,) 广播之后是 (5, 5)。先把 y 变成 y_hat 的形状。",
            "(y_hat - y.reshape(y_hat.shape)) ** 2 / 2",
        ),
        mistakes={
            "every pair": (
                "y_hat - y 把一列和一行广播成了所有预测值与所有标签的两两之差。"
                "相减之前，请先把 y 变成 y_hat 的形状。"
            ),
            "no half": "缺少系数 1/2，因此每个梯度都是正确值的两倍。",
            "mean": "返回的是小批量上的平均值。请为每个样本返回一个损失，求平均由调用者来做。",
            "absolute": "这里取的是误差的绝对值，应当取平方。",
            "no square": "误差没有取平方，符号相反的误差会互相抵消。",
        },
        commentary=(
            "有了系数 1/2，导数正好是 y_hat - y。不用 reshape 时训练照样能进行："
            "所有两两之差的平方和也有梯度，它把每个样本的预测值都推向标签的平均值。"
        ),
    ),
    "sgd": Text(
        title="小批量随机梯度下降的一次迭代",
        section="3.2",
        task="沿梯度的反方向原地更新每个参数。梯度是小批量中各样本的梯度之和。",
        formula="p <- p - lr / |B| * p.grad",
        template='''
def sgd(params, lr, batch_size):
    """更新 params 中的每个参数，其 .grad 是 batch_size 个样本的梯度之和。不返回任何值。"""
    raise NotImplementedError
''',
        steps=(
            "一个样本，一次迭代",
            "一个小批量，一次迭代",
            "50 次迭代，每次都一致",
        ),
        hints=(
            "每个参数的梯度在它的 `.grad` 中，由 backward() 写入。",
            "`param = param - ...` 只是让这个名字指向一个新数组，调用者手里的仍是旧数组。",
            "对每个参数：param[:] = param - lr * param.grad / batch_size",
        ),
        mistakes={
            "climbs": "这里加上了梯度，损失会上升。应当减去梯度。",
            "rebinds": "`param = param - ...` 新建了一个数组，调用者的数组没有变。请赋值给 param[:]。",
            "not divided": "梯度是小批量上的和，却没有除以批量大小：批量越大，步子就越大。",
            "first only": "只更新了第一个参数。循环里是否有 `return` 或 `break`？",
            "no rate": "更新量没有乘以学习率 lr。",
        },
        commentary=(
            "除法放在这里而不放在损失里，同一个学习率就适用于各种批量大小。"
            "两个数先合并成一个，再与矩阵相乘，可以少遍历一次矩阵。"
        ),
    ),
    "data_iter": Text(
        title="按随机顺序读取小批量",
        section="3.2",
        task=(
            "按随机顺序产出一轮中的所有样本，每次 batch_size 个。"
            "书中问，样本数不能被批量大小整除时会怎样？这里要求最后一个小批量可以小一些。"
        ),
        formula="0 ... n - 1 的随机排列，每 batch_size 个切成一段",
        template='''
def data_iter(batch_size, features, labels):
    """逐个产出数组对 (X, y)，形状为 (batch_size, 输入个数) 和 (batch_size,)。最后一对可以较小。"""
    raise NotImplementedError
''',
        steps=(
            "形状",
            "每个样本恰好一次",
            "各个小批量的大小",
            "标签与样本对应",
            "随机顺序",
        ),
        hints=(
            "打乱的是编号，而不是数据：把 0 ... n - 1 随机排列，依次得到下一个样本的编号。",
            "range(0, n, batch_size) 给出每一段的起点；切片超出末尾也没有关系。",
            "j = nd.array(indices[i : i + batch_size]); yield features.take(j), labels.take(j)",
        ),
        mistakes={
            "in order": "样本是按数据原来的顺序产出的。请先打乱编号。",
            "drops the rest": (
                "漏掉了最后一个较小的小批量，其中的样本永远不会参与训练。循环应当一直到样本总数为止。"
            ),
            "apart": "特征和标签是分别打乱的。两者应当使用同一组编号。",
            "same each epoch": "每一轮的顺序都相同。函数里是否设定了随机种子？",
            "wraps around": "最后一个小批量用已经出现过的样本补满了。它应当小一些。",
            "first rows": "每个小批量都是最前面的那些样本。请用循环变量来切出每个小批量。",
        },
        commentary=(
            "不打乱的话，数据如果按类别排列，一个小批量里就全是同一类。最后一个小批量较小时，"
            "`step(batch_size)` 给它的梯度所除的数大于它的样本数：见练习 train_ch3。"
        ),
        phrases={
            "no pair": "{call} 产出的是 {found}，应为一对 (X, y)。",
            "no arrays": "{call} 产出的一对中有 {found}，应为两个数组。",
            "endless": "{call} 产出的小批量比样本还多。它会结束吗？",
            "sizes": "10 个样本、批量大小为 4 时，各个小批量的大小",
            "first X": "第一个小批量的 X",
            "first y": "第一个小批量的 y",
            "missing": "10 个样本中没有出现过的个数",
            "repeated": "10 个样本中出现不止一次的个数",
            "wrong labels": "与样本不对应的标签的个数",
            "in order": "样本是否按数据原来的顺序产出（1 为是，0 为否）",
            "same order": "第二轮的顺序是否与第一轮相同（1 为是，0 为否）",
        },
    ),
    "mean_step": Text(
        title="用平均损失更新一次",
        section="3.3",
        task=(
            "书中问，如果损失不是每个样本一个数，而是小批量上的平均值，需要改动什么？"
            "请对 loss(net(X), y).mean() 做一次梯度下降。检查会给出答案："
            "你的参数应当与在损失之和上使用 sgd 和 step(batch_size) 时每次都一致。"
        ),
        formula="p <- p - lr * d/dp mean_i l_i",
        template='''
def mean_step(net, loss, X, y, params, lr):
    """记录 loss(net(X), y) 的平均值，反向传播，原地更新 params 中的每个参数。不返回任何值。"""
    raise NotImplementedError
''',
        steps=(
            "一个样本，一次迭代",
            "一个小批量，一次迭代",
            "50 次迭代，每次都一致",
        ),
        hints=(
            "在 `with autograd.record():` 之内计算，在它之后调用 backward()。",
            "平均值的梯度已经除以过批量大小了。",
            "在 mean.backward() 之后：param[:] = param - lr * param.grad",
        ),
        mistakes={
            "divided twice": "梯度两次除以了批量大小：一次在平均值里，一次在更新时。",
            "sum": "反向传播是从损失之和开始的，更新量因此大了批量大小那么多倍。请取平均值。",
            "climbs": "更新使损失上升。应当减去梯度。",
            "no step": "参数始终没有变。是否用 param[:] = ... 原地赋值？",
        },
        commentary=(
            "所以答案是 step(1)。若取平均值又用 trainer.step(batch_size)，模型仍能学习，"
            "只是学习率相当于缩小到原来的 batch_size 分之一，因此这个错误很难发现。"
        ),
    ),
}
