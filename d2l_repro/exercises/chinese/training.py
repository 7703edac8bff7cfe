"""Texts of the exercises on the training loop."""

from ..texts import Text

TEXTS = {
    "train_ch3": Text(
        title="第 3 章的训练循环",
        section="3.6",
        task=(
            "用小批量随机梯度下降训练网络，返回每一轮的三个数：训练样本的平均损失、训练准确率，"
            "以及这一轮之后的测试准确率。训练的损失和准确率，取自每个小批量更新参数之前。"
            "最后一个小批量可以较小，它的梯度也除以 batch_size。最后一步在图像上训练。"
        ),
        formula="每一轮的每个小批量：p <- p - lr / batch_size * 损失之和的梯度",
        template='''
def train_ch3(net, train_iter, test_iter, loss, num_epochs, batch_size, params, lr):
    """返回一个列表，每一轮为一项 (训练损失, 训练准确率, 测试准确率)。

    train_iter 和 test_iter 可以反复遍历，产出 (X, y)，train_iter 每次都会打乱样本。
    net(X) 返回概率，形状为 (批量大小, 类别数)；loss(y_hat, y) 为每个样本返回一个损失。
    params 已经附加了梯度。
    """
    raise NotImplementedError
''',
        steps=(
            "一轮，一个小批量",
            "三个大小相同的小批量",
            "最后一个小批量较小",
            "四轮",
            "在图像上训练",
        ),
        hints=(
            "各个部分你都写过了：sgd、accuracy、evaluate。循环把它们组合起来。",
            "记录 net 和 loss 的计算，从各个损失（也就是从它们的和）反向传播，更新参数，再把各项累加。",
            "total += losses.sum().asscalar(); examples += len(y)，一轮结束时除以 examples。",
        ),
        mistakes={
            "no steps": "参数始终没有变。在 backward() 之后，是否原地更新了参数？",
            "kept batches": (
                "每一轮用的都是第一轮的那些小批量，顺序也相同。"
                "请在每一轮中重新遍历 train_iter：它会打乱样本。"
            ),
            "mean": ("这里用的是平均损失的梯度，却又除以了一次 batch_size。请直接从各个损失反向传播。"),
            "not divided": "损失之和的梯度没有除以 batch_size。",
            "mean of means": (
                "损失和准确率是对各个小批量求平均得到的，较小的小批量权重就偏大。应当按样本累加。"
            ),
            "after the step": ("训练准确率是在每个小批量更新参数之后计算的。请使用更新之前的 y_hat。"),
            "tests on training data": "测试准确率是在训练数据上计算的。请使用 test_iter。",
            "one epoch": "只训练了一轮。`return` 是不是写在了各轮的循环里？",
            "sum": "训练损失是和。请除以样本数。",
        },
        commentary=(
            "本项目的各章共用的就是这样一个循环，只是多了学习率调度、惩罚项和中断的处理："
            "可以与 d2l_repro/train/loop.py 对照。"
        ),
        phrases={
            "result": "train_ch3 的返回值",
            "after an epoch": "{number} 轮之后的 {name}",
            "after epochs": "{number} 轮之后的 {name}",
            "epochs": "train_ch3 的返回值中的轮数",
            "row": "第 {number} 轮的那一项",
            "train loss": "训练损失",
            "train accuracy": "训练准确率",
            "test accuracy": "测试准确率",
            "number": "第 {number} 轮的{name}",
        },
    ),
    "distinct_units": Text(
        title="初始相同的单元，后来会怎样？",
        section="3.15",
        task=(
            "如果所有隐藏单元的初始权重都相同，会怎样？请给出答案：用梯度下降在全部样本上训练一个感知机"
            "（ReLU、softmax、平均交叉熵），迭代 `steps` 次，返回最后有多少个不同的隐藏单元。"
            "一个单元指 W1 中它的那一列、它的偏差和 W2 中它的那一行。舍入到 5 位小数。可以原地修改数组。"
        ),
        formula="p <- p - lr dl/dp",
        template='''
def distinct_units(W1, b1, W2, b2, X, y, lr, steps):
    """返回一个整数。

    W1 的形状为 (输入个数, 隐藏单元个数)，b1 为 (隐藏单元个数,)，W2 为 (隐藏单元个数, 类别数)，
    b2 为 (类别数,)；X 为 (批量大小, 输入个数)，y 为 (批量大小,)。
    """
    raise NotImplementedError
''',
        steps=(
            "六个不同的单元",
            "六个初始相同的单元",
            "八个单元，初始只有三种",
            "训练之后才不同的单元",
        ),
        hints=(
            "做一个矩阵，每个单元占一行，放入它的所有参数。",
            "np.unique(matrix, axis=0) 会去掉重复的行。先要舍入，因为求和的顺序不同，结果会有微小的差别。",
            "np.concatenate([W1, b1[None], W2.T]).T，用 NumPy 数组",
        ),
        mistakes={
            "all units": "这是隐藏单元的总数。应当数互不相同的单元。",
            "inputs": "这是 W1 中互不相同的行数，而行对应的是输入。一个单元是一列。",
            "elements": "这是权重的个数。应当数单元。",
            "pairs": "少了一个：第一个单元也要算。",
            "untrained": "这是训练之前的个数。请先训练，再计数。",
            "columns of W1": "这是 W1 中互不相同的列数。一个单元还包括 W2 中它的那一行。",
        },
        commentary=(
            "相同的单元梯度也相同，八个单元如果初始只有三种，就始终只有三种："
            "对网络来说，它们并不比三个单元更有用。"
            "所以权重要随机初始化。softmax 回归则可以从 0 开始，因为每个输出都有自己的标签。"
        ),
        phrases={
            "call": "distinct_units(...) 对初始只有 {distinct} 种的 {hiddens} 个单元迭代 {steps} 次的结果",
            "tiny": "distinct_units(...) 对六个初始值与 0 相差不到 1e-5 的单元迭代 100 次的结果",
            "outputs differ": (
                "distinct_units(...) 对六个在 W1 中的列相同、在 W2 中的行不同的单元不作迭代的结果"
            ),
        },
    ),
}
