"""Texts of the exercises on layers."""

from ..texts import Text

TEXTS = {
    "batch_norm": Text(
        title="批量归一化：正向传播",
        section="5.10",
        task=(
            "对每个单元做批量归一化：训练时使用小批量的均值和方差，同时原地更新移动平均；"
            "测试时使用移动平均。要让自动求梯度能够求导。"
        ),
        formula="""Y = gamma (X - mean) / sqrt(var + epsilon) + beta
running <- momentum running + (1 - momentum) 小批量的值""",
        template='''
def batch_norm(X, gamma, beta, running_mean, running_var, training, momentum, epsilon):
    """返回与 X 形状相同的数组。X 为 (批量大小, 单元个数)，其余数组为 (单元个数,)。

    training 为布尔值。训练时还要原地更新 running_mean 和 running_var。计算方差时除以批量大小。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "训练时的值",
            "移动平均",
            "测试时的值",
            "梯度",
        ),
        hints=(
            "每个单元的均值和方差是在小批量的各个样本上求的，即 axis=0。",
            "训练和测试的区别，只在于用哪一个均值和方差。",
            "running_mean[:] = momentum * running_mean + (1 - momentum) * mean，方差与此类似",
        ),
        mistakes={
            "by example": "这里是对每个样本的各个单元做归一化，即层归一化。请使用 axis=0。",
            "n - 1": "计算方差时除以了 n - 1。应当除以批量大小。",
            "no epsilon": "缺少 epsilon：如果一个单元在小批量中不变，就会除以 0。",
            "epsilon outside": "epsilon 加在了根号外面。应当加在方差上，在根号里面。",
            "no root": "这里除以了方差。应当先开方。",
            "shares exchanged": ("momentum 和 1 - momentum 弄反了。momentum 是旧的平均值所占的比例。"),
            "not kept": ("移动平均没有更新。训练时请赋值给 running_mean[:] 和 running_var[:]。"),
            "batch in testing": (
                "测试时用的也是小批量自己的统计量，一个样本的输出就会受同批其他样本的影响。请使用移动平均。"
            ),
            "no scale": "缺少 gamma 和 beta。",
            "shifted first": "beta 加在了乘 gamma 之前。应当先乘，再加。",
            "all units": "对所有单元只求了一个均值和一个方差。每个单元应当各有一个，沿批量方向求。",
            "by averages": "训练时也用移动平均来归一化 X。训练时应当用小批量的均值和方差。",
            "moves in testing": "测试时移动平均也变了，测试数据因此会影响以后的预测。只应在训练时更新。",
        },
        commentary=("梯度也会流经均值和方差。autograd 会自动处理，下一道练习则要自己来做。"),
        phrases={
            "after batch": "第 {number} 个小批量之后的 {name}",
            "in testing": "测试时的 batch_norm(...)",
            "after testing": "测试时一个小批量之后的 {name}",
        },
    ),
    "batch_norm_backward": Text(
        title="批量归一化：反向传播",
        section="5.10",
        task="返回训练时批量归一化的梯度，不使用 autograd。均值和方差也依赖于 X。",
        formula="""X^ = (X - mean) / sqrt(var + epsilon),  Y = gamma X^ + beta
dgamma = dY X^ 之和,  dbeta = dY 之和
dX = (dX^ - mean(dX^) - X^ mean(X^ dX^)) / sqrt(var + epsilon),  dX^ = gamma dY""",
        template='''
def batch_norm_backward(dY, X, gamma, epsilon):
    """返回 dX, dgamma, dbeta，形状为 (批量大小, 单元个数)、(单元个数,)、(单元个数,)。

    dY 和 X 的形状为 (批量大小, 单元个数)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "梯度",
        ),
        hints=(
            "像正向传播那样再算一遍 X^。所有的均值与和都是在小批量的各个样本上求的。",
            "gamma 和 beta 为每个样本所共用，因此它们的梯度是小批量上的和。",
            "dX 有三项：一项是均值和方差都不变时的梯度，另外两项分别来自均值和方差。",
        ),
        mistakes={
            "statistics constant": "均值和方差被当成了常数。两者都依赖于 X：见 dX 的后两项。",
            "variance constant": "方差被当成了常数。缺少 X^ mean(X^ dX^) 这一项。",
            "mean constant": "均值被当成了常数。缺少 mean(dX^) 这一项。",
            "no gamma": "dX 中缺少 gamma：dX^ = gamma dY。",
            "not divided": "dX 没有除以标准差。",
            "X for X^": "dgamma 是用 X 计算的。应当使用归一化后的 X^。",
            "means": "dgamma 和 dbeta 成了小批量上的平均值。应当是和。",
        },
        commentary=("dX 每一列的和都是 0：把小批量中所有的样本平移同样的距离，输出完全不变。"),
    ),
    "conv2d": Text(
        title="用一次矩阵乘法做卷积",
        section="5.3",
        task=(
            "对图像和卷积核做互相关运算，不做填充。把卷积核在 X 上经过的各个窗口排成列，"
            "卷积核排成行，两者相乘；也可以另想办法，只要 autograd 能够求导。"
        ),
        formula="Y[n, o, i, j] = sum over c, a, b of K[o, c, a, b] X[n, c, i + a, j + b]",
        template='''
def conv2d(X, K):
    """返回 Y，形状为 (批量大小, 输出通道数, 行数 - 核高 + 1, 列数 - 核宽 + 1)。

    X 的形状为 (批量大小, 输入通道数, 行数, 列数)，K 为 (输出通道数, 输入通道数, 核高, 核宽)。
    """
    raise NotImplementedError
''',
        steps=(
            "形状",
            "数值，单通道",
            "形状，多通道",
            "数值，多通道",
            "梯度",
        ),
        hints=(
            "卷积核中的每个数，都与 X 平移后的一份相乘。",
            "nd.stack 把平移后的各份并排放在一起；再用 reshape 把每个窗口变成一列，共 c * a * b 个数。",
            "对每张图像：nd.dot(K.reshape((outputs, -1)), columns)，再把结果变回多行多列",
        ),
        mistakes={
            "flipped": "卷积核旋转了 180 度，这是数学上的卷积。不要翻转它。",
            "transposed kernel": "卷积核的行和列弄反了。a 对应 i，b 对应 j。",
            "padded": "图像做了填充。这里的输出应当小于图像。",
            "mean of window": "这里对窗口求了平均值。应当求和。",
            "first channel": "只用到了第一个输入通道。应当对所有输入通道求和。",
            "channels apart": "每个输入通道用的都是各通道卷积核之和。通道 c 对应的是 K[:, c]。",
            "mean of channels": "这里对输入通道求了平均值。应当求和。",
            "numbers of a window": "窗口与核中数字的排列顺序不同。两者都应当先是通道，再是行，再是列。",
            "kernels as columns": (
                "K.reshape((-1, outputs)) 的一列混合了不同的核。K.reshape((outputs, -1)) 的每一行才是一个核。"
            ),
            "positions": "窗口是逐列收集的，却逐行摆放，输出因此被转置。应当让 j 变化得最快。",
            "one less": "缺少最后一行和最后一列：共有“行数 - 核高 + 1”个位置。",
        },
        commentary=("矩阵乘法每秒完成的运算比任何逐窗口的循环都多；代价是每个像素要复制“核高 * 核宽”次。"),
    ),
}
