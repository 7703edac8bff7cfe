"""Texts of the exercises on optimizers and a learning-rate schedule."""

from ..texts import Text

STEPS = ("第一次迭代", "三次迭代", "50 次迭代，每次都一致")
TEXTS = {
    "momentum": Text(
        title="动量法",
        section="7.4",
        task="原地迭代一次：先更新速度 v，再更新参数。梯度是平均损失的梯度。",
        formula="""v <- rho v + lr g
p <- p - v""",
        template='''
def momentum(param, grad, v, lr, rho):
    """更新数组 param 和 v，它们的形状与 grad 相同。不返回任何值。"""
    raise NotImplementedError
''',
        steps=STEPS,
        hints=(
            "下一次迭代时，v 也必须还是调用者的那个数组。",
            "v[:] = ... 写入数组本身；v = ... 只是让这个名字指向一个新数组。",
            "v[:] = rho * v + lr * grad; param[:] = param - v",
        ),
        mistakes={
            "average": "v 成了加权平均，梯度乘上了 1 - rho。这里的 v 是速度：rho v + lr g。",
            "forgets": "v 是一个新数组，调用者看不到它，每次迭代都从 0 开始。请赋值给 v[:]。",
            "rebinds": "`param = param - v` 新建了一个数组。请赋值给 param[:]。",
            "nesterov": "这里像 Nesterov 方法那样提前看了一步。应当减去 v 本身。",
            "rate twice": "v 中已经有学习率了，更新时又乘了一次。",
            "late": "梯度还没有加进 v，就更新了参数。应当先更新 v。",
            "climbs": "这里加上了速度。应当减去它。",
            "unscaled": (
                "v 中没有学习率，更新参数时才乘上：这是动量法的另一种形式，只要 lr 不变，路径就相同。"
                "这里要求 v <- rho v + lr g。"
            ),
            "added": (
                "v 的符号相反，再加到参数上：路径相同，但不是公式中的 v。这里 v <- rho v + lr g，然后减去它。"
            ),
            "1 - rho": "v 乘上了 1 - rho。保留的比例应当是 rho。",
        },
        commentary=("如果梯度不变，速度会增大到 lr g / (1 - rho)：rho = 0.9 时，步子是 SGD 的十倍。"),
    ),
    "rmsprop": Text(
        title="RMSProp 算法",
        section="7.6",
        task="原地迭代一次：先更新梯度平方的移动平均 s，再更新参数。",
        formula="""s <- rho s + (1 - rho) g^2
p <- p - lr g / sqrt(s + epsilon)""",
        template='''
def rmsprop(param, grad, s, lr, rho, epsilon):
    """更新数组 param 和 s，它们的形状与 grad 相同。不返回任何值。"""
    raise NotImplementedError
''',
        steps=STEPS,
        hints=(
            "所有运算都是逐个元素进行的。",
            "epsilon 在根号里面还是外面？请看公式。",
            "s[:] = rho * s + (1 - rho) * grad ** 2; param[:] = param - lr * grad / (s + epsilon).sqrt()",
        ),
        mistakes={
            "no root": "更新量除以了 s 本身。应当先开方。",
            "adagrad": "梯度的平方一直在累加，这是 AdaGrad。旧的平均值应当乘以 rho，新的平方乘以 1 - rho。",
            "exchanged": "rho 和 1 - rho 弄反了。rho 是旧的平均值所占的比例。",
            "absolute": "s 是梯度绝对值的平均。应当取平方。",
            "outside": "epsilon 加在了根号外面。应当加在 s 上，在根号里面。",
            "no average": "梯度的平方是直接加上的。应当乘以 1 - rho。",
            "forgets": "s 没有保留到下一次迭代。请赋值给 s[:]。",
        },
        commentary=("无论梯度的尺度如何，每个元素每次移动的距离都约为 lr：检查所用的四个曲率从 0.2 到 20。"),
    ),
    "adam": Text(
        title="Adam 算法",
        section="7.8",
        task="原地做第 t 次迭代：更新两个移动平均，做偏差修正，再更新参数。",
        formula="""v <- beta1 v + (1 - beta1) g,  v_hat = v / (1 - beta1^t)
s <- beta2 s + (1 - beta2) g^2,  s_hat = s / (1 - beta2^t)
p <- p - lr v_hat / (sqrt(s_hat) + epsilon)""",
        template='''
def adam(param, grad, v, s, t, lr, beta1, beta2, epsilon):
    """更新数组 param、v 和 s，它们的形状与 grad 相同。不返回任何值。

    第一次迭代时 t 为 1。
    """
    raise NotImplementedError
''',
        steps=STEPS,
        hints=(
            "两个移动平均都从 0 开始，起初偏小，偏差修正就是为了弥补这一点。",
            "修正的是另外的 v_hat 和 s_hat。v 和 s 本身要原样留给下一次迭代。",
            "v[:] = ...; s[:] = ...; param[:] = param - lr * v_hat / (s_hat.sqrt() + epsilon)",
        ),
        mistakes={
            "not corrected": "两个移动平均都没有做偏差修正。请除以 1 - beta1^t 和 1 - beta2^t。",
            "s not corrected": "s 没有做偏差修正，最初几次的更新量就偏大。",
            "v not corrected": "v 没有做偏差修正，最初几次的更新量就偏小。",
            "betas exchanged": "beta1 和 beta2 弄反了。beta1 属于 v，即梯度的移动平均。",
            "no root": "更新量除以了 s_hat。应当先开方。",
            "inside": "epsilon 加在了根号里面。应当加在根号外面。",
            "t late": "偏差修正用的是 t + 1。函数里是否又把 t 加了 1？",
            "correction kept": (
                "修正后的值写回了 v 和 s，下一次迭代时又修正了一遍。请把它们存到另外的变量中。"
            ),
            "forgets": "v 和 s 没有保留到下一次迭代。请赋值给 v[:] 和 s[:]。",
        },
        commentary=(
            "有了偏差修正，无论梯度多大，第一次迭代中每个元素移动的距离都约为 lr：这就是偏差修正的作用。"
        ),
    ),
    "schedule": Text(
        title="先预热、再下降的学习率",
        section="7.3",
        task=(
            "书中的学习率保持不变，而如今常用的是这样的调度。返回第 t 步的学习率："
            "前 `warmup` 步线性增大到 lr，然后沿余弦的半个周期下降，从 lr 到第 `total` 步的 0；"
            "t 总小于 `total`。warmup 为 0 时没有预热。"
        ),
        formula="""lr (t + 1) / warmup                                        t < warmup 时
lr (1 + cos(pi (t - warmup) / (total - warmup))) / 2       此后""",
        template='''
def schedule(t, lr, warmup, total):
    """返回一个数；t 从 0 开始计步。"""
    raise NotImplementedError
''',
        steps=(
            "预热",
            "余弦",
            "没有预热",
        ),
        hints=(
            "分两种情形，用一个 `if`。",
            "math.cos 使用弧度：半个周期是 math.pi。",
            "lr * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2",
        ),
        mistakes={
            "from 0": "预热从学习率 0 开始，第一步就白白浪费了。应当乘以 (t + 1) / warmup。",
            "no warm-up": "没有预热：余弦从第 0 步就开始了。",
            "over all": "余弦是从第 0 步算起的，预热结束时学习率会突变。应当从预热结束时算起。",
            "linear": "学习率是线性下降的。应当使用余弦。",
            "whole wave": "这是余弦的整个周期，学习率后来又会上升。半个周期是 pi。",
            "no half": "缺少系数 1/2：开始时 1 + cos 等于 2。",
            "degrees": "角度的单位是度。math.cos 使用弧度：应当是 pi，而不是 180。",
            "not from lr": "这是四分之一个周期 cos(pi x / 2)。公式是 (1 + cos(pi x)) / 2。",
        },
        commentary="学习率调度只是步数的函数，因此训练之前就可以画出来。",
    ),
}
