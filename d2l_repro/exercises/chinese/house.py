"""Texts of the exercises on the house prices."""

from ..texts import Text

TEXTS = {
    "k_fold": Text(
        title="交叉验证的划分",
        section="3.16",
        task=(
            "把编号 0 ... n - 1 分成 k 折，次序任意。对每一折，返回用于训练的其他各折的编号，"
            "以及用于验证的这一折的编号。k 不能整除 n 时，所有样本也都要用到；各折的大小至多相差 1。"
        ),
        formula="valid_1, ..., valid_k 把 0 ... n - 1 切成 k 段；train_i 是 valid_i 以外的全部",
        template='''
def k_fold(n, k):
    """返回一个列表，其中有 k 对 (train, valid)，每一项都是编号的列表或数组，编号为 0 到 n - 1。"""
    raise NotImplementedError
''',
        steps=(
            "12 个样本分成 3 折",
            "14 个样本分成 4 折",
            "折数与样本数相同",
        ),
        hints=(
            "每折 n // k 个样本，还剩 n % k 个。它们放到哪里？",
            "np.array_split(np.arange(n), k) 切成的各段，大小至多相差 1。",
            "train = np.concatenate(folds[:i] + folds[i + 1:])",
        ),
        mistakes={
            "rest left out": "每折 n // k 个样本，就漏掉了最后 n % k 个。请把它们分到各折中。",
            "rest in last": "剩下的样本全都放进了最后一折。请分摊到各折：大小至多相差 1。",
            "trains on all": "用来验证的那一折也参与了训练。请把它从 train 中去掉。",
            "trains on one": "每个模型只在另外一折上训练。除了用来验证的一折，其他各折都应当合并起来。",
            "exchanged": "train 和 valid 弄反了。单独的那一折是用来验证的。",
            "one too few": "只有 k - 1 对。k 折中的每一折都要验证一次。",
        },
        commentary=("漏掉 n % k 个样本的做法很常见，有 1460 套房屋时影响不大，样本少时就不然了。"),
        phrases={
            "no pair": "{call} 中有 {found}，每一项都应为一对 (train, valid)。",
            "indices": "k_fold 中的编号",
            "endless": "{call} 给出的不止 {number} 对。它会结束吗？",
            "pairs": "{call} 中的对数",
            "never": "{call} 从未用来验证的样本数",
            "more than once": "{call} 不止一次用来验证的样本数",
            "both": "{call} 既用来训练又用来验证的样本数（各折合计）",
            "neither": "{call} 两者都没有用到的样本数（各折合计）",
            "uneven": "{call} 中最大与最小的折的大小之差超过 1 的部分",
        },
    ),
    "log_rmse": Text(
        title="对数均方根误差",
        section="3.16",
        task=("返回价格的对数的均方根误差。小于 1 的预测值按 1 计算，因为模型的预测值可能没有对数。"),
        formula="sqrt(1/n sum_i (log max(y_hat_i, 1) - log y_i)^2)",
        template='''
def log_rmse(predictions, labels):
    """返回一个数；预测值 predictions 的形状为 (样本数, 1)，标签 labels 的形状为 (样本数,)。"""
    raise NotImplementedError
''',
        steps=(
            "数值",
            "小于 1 的预测值",
        ),
        hints=(
            "先截断，再取对数，然后求误差。",
            "预测值是一列，标签却不是：先让它们的形状相同。",
            (
                "d = nd.maximum(predictions, 1).log() - labels.reshape(predictions.shape).log(); "
                "(d ** 2).mean().sqrt()"
            ),
        ),
        mistakes={
            "no root": "没有开方，这是均方误差。",
            "no log": "没有取对数，昂贵的房屋就比便宜的更重要。",
            "half": "这里带着平方损失的 1/2。开方之前请乘以 2。",
            "sum": "这里是和的平方根。应当对样本取平均值。",
            "base 10": "这是以 10 为底的对数。应当取自然对数。",
            "absolute": "这是平均绝对误差。应当先平方，再取平均值，最后开方。",
            "every pair": "一列减去一行，是把每个预测值和每个标签都比较了一遍。请改变标签的形状。",
            "not clipped": "负的预测值的对数是 nan。小于 1 的预测值应当按 1 计算。",
            "clipped at 0": "0 的对数是无穷大。应当在 1 处截断，而不是 0。",
        },
        commentary="误差为 0.1，大约相当于价格的百分之十，无论价格高低。",
    ),
    "standardize": Text(
        title="不泄漏信息的标准化",
        section="3.16",
        task=(
            "只根据训练集，使每一列的均值为 0、标准差为 1，再把缺失值即 nan 换成 0。"
            "在训练集中始终不变的列改为除以 1，在那里变成 0。所有数组都是 NumPy 数组。"
        ),
        formula="x <- (x - mean) / std，其中 mean 和 std 取自训练集，计算 std 时除以 n",
        template='''
def standardize(train, test):
    """返回标准化之后的两张表，形状为 (训练样本数, 列数) 和 (测试样本数, 列数)。"""
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值",
            "缺失值",
            "始终不变的列",
        ),
        hints=(
            "建立模型时还不知道测试集的统计量：两张表都要用 train 的。",
            "np.nanmean 和 np.nanstd 会跳过缺失值。axis=0 是逐列计算。",
            "np.where(std > 0, std, 1) 使不变的列不会除以 0。",
        ),
        mistakes={
            "leaks": (
                "均值和标准差是由两张表合在一起算出的，测试集的信息就泄漏到了训练中。请只用 train 计算。"
            ),
            "own statistics": (
                "测试集是用它自己的统计量标准化的，同样的值在两张表中的含义就不同了。请使用 train 的统计量。"
            ),
            "n - 1": "计算标准差时除以了 n - 1，pandas 就是这样做的。NumPy 的 std 除以 n。",
            "not centred": "没有减去均值。",
            "whole table": "均值和标准差是整张表的。应当逐列计算：axis=0。",
            "filled first": ("计算统计量之前就填补了缺失值，它们都被算作 0。应当先标准化，那时 0 就是均值。"),
            "not filled": "缺失值仍然是 nan。最后请把它们换成 0。",
            "mean first": "求标准差之前就用均值填充了缺失值，标准差因此偏小。应当只用存在的值来求。",
            "constant": "标准差为 0 的列除以了 0。应当改为除以 1。",
        },
        commentary=("书中用两张表合在一起做标准化，比赛允许这样做；而在实际应用中，那时还没有测试集。"),
    ),
}
