"""Texts of the exercises on overfitting, weight decay and dropout."""

from ..texts import Text

TEXTS = {
    "polynomial_features": Text(
        title="以幂作为特征",
        section="3.11",
        task="返回 x 从 1 次到 degree 次的幂，于是以它们为特征的线性模型就是一个多项式。",
        formula="x -> x, x^2, ..., x^degree",
        template='''
def polynomial_features(x, degree):
    """返回特征，形状为 (批量大小, degree)；x 的形状为 (批量大小, 1)。"""
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
        ),
        hints=(
            "每个幂一列。nd.concat 用 dim=1 把数组左右拼接起来。",
            "0 次幂是全为 1 的一列，模型有了偏差，就不需要它了。",
            "nd.concat(*[x ** i for i in range(1, degree + 1)], dim=1)",
        ),
        mistakes={
            "from 0": "这里是 0 次到 degree - 1 次的幂。应当从 1 次到 degree 次：range(1, degree + 1)。",
            "one too many": "多了全为 1 的一列，即 x^0。应当从 x^1 开始。",
            "one too few": "缺少最高次幂：range 不包括终点。",
            "reversed": "各列的顺序反了。次数最低的应当在最前面。",
            "rows": "每个幂成了一行。应当是一列：dim=1。",
            "multiples": "这是 x 的倍数 i * x。应当是幂：x ** i。",
        },
        commentary="模型关于权重仍是线性的，而线性回归要求的只是这一点。",
    ),
    "training_loss": Text(
        title="训练损失能达到 0 吗？",
        section="3.11",
        task=(
            "书中问，多项式能否毫无误差地拟合训练数据？请实际测一测：返回给定次数的多项式中，"
            "拟合得最好的那一个的训练损失。x、y 和结果都属于 NumPy。第 2 步中，系数与样本一样多。"
        ),
        formula="min over c of 1/n sum_i (c_0 + c_1 x_i + ... + c_d x_i^d - y_i)^2 / 2",
        template='''
def training_loss(x, y, degree):
    """返回一个数；x 和 y 是 NumPy 数组，形状为 (样本数,)。"""
    raise NotImplementedError
''',
        steps=(
            "20 个样本",
            "系数与样本一样多",
        ),
        hints=(
            "np.vander(x, degree + 1) 的每一列是一个幂，包括 0 次幂。",
            "np.linalg.lstsq(columns, y, rcond=None)[0] 是最优的系数。",
            "((columns @ coefficients - y) ** 2).mean() / 2",
        ),
        mistakes={
            "no constant": "多项式没有常数项。请加上全为 1 的一列。",
            "no half": "缺少系数 1/2。",
            "degree too low": "缺少最高次幂：d 次多项式有 d + 1 个系数。",
            "degree too high": "多了一个幂：d 次多项式有 d + 1 个系数。",
            "sum": "这是对样本求和。请返回平均值。",
            "root": "这是均方根误差。请返回均方误差的一半。",
        },
        commentary=(
            "所以答案是能：次数达到 n - 1 时，连同噪声也一起拟合了。这样的拟合有多大价值，要看测试损失。"
        ),
    ),
    "l2_penalty": Text(
        title="权重衰减的惩罚项及其梯度",
        section="3.12",
        task="返回 w 的 L2 范数平方的一半，以及它的梯度。",
        formula="penalty = |w|^2 / 2",
        template='''
def l2_penalty(w):
    """返回一个数，或只含一个数的数组；w 可以是任意形状。"""
    raise NotImplementedError


def l2_gradient(w):
    """返回 l2_penalty 关于 w 的梯度，形状与 w 相同。不需要 autograd。"""
    raise NotImplementedError
''',
        steps=(
            "l2_penalty 的值",
            "l2_gradient 的形状",
            "l2_gradient 的值",
        ),
        hints=(
            "每个元素取平方，求和，再除以 2。",
            "w_i^2 / 2 关于 w_i 的导数很简单。",
            "(w ** 2).sum() / 2，以及 w 本身",
        ),
        mistakes={
            "no half": "缺少系数 1/2；乘以 lambda 之后，衰减就强了一倍。",
            "norm": "这是 w 的 L2 范数。应当返回它的平方的一半，不要开方。",
            "l1": "这是绝对值之和，即 L1 范数。应当对元素取平方。",
            "mean": "这是对元素求平均。应当求和，这样每个权重无论在哪一层，衰减都相同。",
            "twice": "这是 |w|^2 的梯度。有了系数 1/2，梯度就是 w。",
            "half": "1/2 与求导得到的 2 抵消了：梯度是 w，而不是 w / 2。",
            "signs": "这是 L1 范数的梯度。平方和的一半的梯度是 w。",
            "unit": "这是范数 |w| 的梯度。它的平方的一半的梯度是 w。",
        },
        commentary=("梯度就是 w，因此 SGD 的每次迭代都把 w 乘以 1 - lr * lambda：权重衰减由此得名。"),
    ),
    "dropout": Text(
        title="训练和测试时的丢弃法",
        section="3.13",
        task=(
            "autograd.is_training() 为真时，以给定的概率丢弃每个元素，并把留下的元素放大，使期望不变。"
            "测试时返回 X。书中问，丢弃概率为 1 时会怎样？第 5 步给出答案。"
        ),
        formula="x' = 0（概率为 p），否则 x / (1 - p)",
        template='''
def dropout(X, drop_prob):
    """返回与 X 形状相同的数组；drop_prob 在 0 到 1 之间。"""
    raise NotImplementedError
''',
        steps=(
            "形状",
            "测试时",
            "0 所占的比例",
            "留下的元素的倍数",
            "丢弃概率为 0 和 1",
        ),
        hints=(
            "autograd.is_training() 说明现在是两种情形中的哪一种。",
            "nd.random.uniform(0, 1, X.shape) < keep_prob 对每个元素各自以概率 keep_prob 取 1。",
            "mask * X / keep_prob；如果 keep_prob 为 0，商不存在，应当返回 0",
        ),
        mistakes={
            "not scaled": "留下的元素没有放大，训练时的激活值就比测试时小。请除以 1 - drop_prob。",
            "by drop_prob": "留下的元素除以了 drop_prob。应当除以保留的概率 1 - drop_prob。",
            "exchanged": "drop_prob 被当成了保留的概率。保留的概率应当是 1 - drop_prob。",
            "in testing": "测试时也丢弃了元素。请先用 autograd.is_training() 判断。",
            "scaled in testing": "测试时缩放了 X。训练时已经放大过留下的元素，这里应当原样返回 X。",
            "one mask": "所有样本用的是同一个掩码。请按 X 的形状生成掩码。",
            "whole rows": "同一个样本的所有元素共用了一个随机数。请按 X 的形状生成掩码。",
            "same mask": "每次调用丢弃的元素都相同，就像在函数中设定了随机种子。每次调用都要生成新的掩码。",
            "never": (
                "autograd.is_training() 为真时没有丢弃任何元素。是否乘上了掩码？"
                "对 is_training()（不是 is_recording()）的判断是否写反了？"
            ),
            "nan at 1": "丢弃概率为 1 时，这里是 0 / 0。这种情形应当返回 0。",
        },
        commentary=(
            "在训练时而不是测试时缩放，测试时的网络就根本不必知道丢弃法的存在。"
            "丢弃概率为 1 时什么也通不过：它前面的层学不到任何东西。"
        ),
        phrases={
            "training": "训练时的 {call}",
            "testing": "测试时的 {call}",
            "zeros in testing": "测试时 0 所占的比例",
            "factors in testing": "测试时不为 0 的元素的最小和最大倍数",
            "zeros": "drop_prob 为 0.3 时，20000 个 1 中变成 0 的比例",
            "rows": "200 行中互不相同的行数",
            "masks": "用同一个 X 调用两次，互不相同的结果个数",
            "factors": "drop_prob 为 0.3 时，留下的元素的最小和最大倍数",
        },
    ),
}
