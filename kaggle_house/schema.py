"""Describe the competition's 81 columns: their order in its files, their types and their levels."""

NUMERIC = (
    "Id MSSubClass LotFrontage LotArea OverallQual OverallCond YearBuilt YearRemodAdd MasVnrArea "
    "BsmtFinSF1 BsmtFinSF2 BsmtUnfSF TotalBsmtSF 1stFlrSF 2ndFlrSF LowQualFinSF GrLivArea BsmtFullBath "
    "BsmtHalfBath FullBath HalfBath BedroomAbvGr KitchenAbvGr TotRmsAbvGrd Fireplaces GarageYrBlt "
    "GarageCars GarageArea WoodDeckSF OpenPorchSF EnclosedPorch 3SsnPorch ScreenPorch PoolArea MiscVal "
    "MoSold YrSold SalePrice"
).split()

QUALITY = "Po Fa TA Gd Ex".split()  # poor, fair, typical, good, excellent
# Levels from worst to best; a house that does not have the thing has no level.
ORDINAL = {
    **dict.fromkeys(
        "ExterQual ExterCond BsmtQual BsmtCond HeatingQC KitchenQual FireplaceQu GarageQual GarageCond "
        "PoolQC".split(),
        QUALITY,
    ),
    **dict.fromkeys(("BsmtFinType1", "BsmtFinType2"), "Unf LwQ Rec BLQ ALQ GLQ".split()),
    "BsmtExposure": "No Mn Av Gd".split(),
    "GarageFinish": "Unf RFn Fin".split(),
    "Functional": "Sal Sev Maj2 Maj1 Mod Min2 Min1 Typ".split(),
    "LandSlope": "Sev Mod Gtl".split(),
    "LotShape": "IR3 IR2 IR1 Reg".split(),
    "PavedDrive": "N P Y".split(),
    "Fence": "MnWw GdWo MnPrv GdPrv".split(),
    "CentralAir": "N Y".split(),
    "Street": "Grvl Pave".split(),
}

# Levels without an order, the most frequent first; other levels are allowed.
CATEGORY = {
    "MSZoning": ["RL", "RM", "FV", "RH", "C (all)"],
    "Alley": ["Grvl", "Pave"],
    "LandContour": "Lvl HLS Bnk Low".split(),
    "Utilities": ["AllPub", "NoSeWa"],
    "LotConfig": "Inside Corner CulDSac FR2 FR3".split(),
    "Neighborhood": (
        "NAmes CollgCr OldTown Edwards Somerst NridgHt Gilbert Sawyer NWAmes SawyerW Mitchel BrkSide "
        "Crawfor IDOTRR Timber NoRidge StoneBr SWISU ClearCr MeadowV BrDale Blmngtn Veenker NPkVill "
        "Blueste"
    ).split(),
    "Condition1": "Norm Feedr Artery RRAn PosN RRAe PosA RRNn RRNe".split(),
    "Condition2": "Norm Feedr Artery PosN PosA RRNn RRAn RRAe".split(),
    "BldgType": "1Fam TwnhsE Duplex Twnhs 2fmCon".split(),
    "HouseStyle": "1Story 2Story 1.5Fin SLvl SFoyer 2.5Unf 1.5Unf 2.5Fin".split(),
    "RoofStyle": "Gable Hip Gambrel Flat Mansard Shed".split(),
    "RoofMatl": "CompShg Tar&Grv WdShake WdShngl Metal Membran Roll ClyTile".split(),
    "Exterior1st": [
        "VinylSd",
        "MetalSd",
        "HdBoard",
        "Wd Sdng",
        "Plywood",
        "CemntBd",
        "BrkFace",
        "WdShing",
        "AsbShng",
        "Stucco",
        "BrkComm",
        "AsphShn",
        "Stone",
        "CBlock",
        "ImStucc",
    ],
    "Exterior2nd": [
        "VinylSd",
        "MetalSd",
        "HdBoard",
        "Wd Sdng",
        "Plywood",
        "CmentBd",
        "Wd Shng",
        "BrkFace",
        "Stucco",
        "AsbShng",
        "Brk Cmn",
        "ImStucc",
        "Stone",
        "AsphShn",
        "CBlock",
        "Other",
    ],
    "MasVnrType": "None BrkFace Stone BrkCmn".split(),
    "Foundation": "PConc CBlock BrkTil Slab Stone Wood".split(),
    "Heating": "GasA GasW Grav Wall OthW Floor".split(),
    "Electrical": "SBrkr FuseA FuseF FuseP Mix".split(),
    "GarageType": "Attchd Detchd BuiltIn Basment 2Types CarPort".split(),
    "MiscFeature": "Shed Gar2 Othr TenC".split(),
    "SaleType": "WD New COD ConLD CWD ConLI ConLw Oth Con".split(),
    "SaleCondition": "Normal Partial Abnorml Family Alloca AdjLand".split(),
}

COLUMNS = (
    "Id MSSubClass MSZoning LotFrontage LotArea Street Alley LotShape LandContour Utilities LotConfig "
    "LandSlope Neighborhood Condition1 Condition2 BldgType HouseStyle OverallQual OverallCond YearBuilt "
    "YearRemodAdd RoofStyle RoofMatl Exterior1st Exterior2nd MasVnrType MasVnrArea ExterQual ExterCond "
    "Foundation BsmtQual BsmtCond BsmtExposure BsmtFinType1 BsmtFinSF1 BsmtFinType2 BsmtFinSF2 BsmtUnfSF "
    "TotalBsmtSF Heating HeatingQC CentralAir Electrical 1stFlrSF 2ndFlrSF LowQualFinSF GrLivArea "
    "BsmtFullBath BsmtHalfBath FullBath HalfBath BedroomAbvGr KitchenAbvGr KitchenQual TotRmsAbvGrd "
    "Functional Fireplaces FireplaceQu GarageType GarageYrBlt GarageFinish GarageCars GarageArea "
    "GarageQual GarageCond PavedDrive WoodDeckSF OpenPorchSF EnclosedPorch 3SsnPorch ScreenPorch PoolArea "
    "PoolQC Fence MiscFeature MiscVal MoSold YrSold SaleType SaleCondition SalePrice"
).split()
FEATURES = COLUMNS[1:-1]
TEXT = [name for name in COLUMNS if name not in NUMERIC]
